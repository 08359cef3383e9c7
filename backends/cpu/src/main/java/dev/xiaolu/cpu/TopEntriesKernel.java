package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.xiaolu.op.TopEntries;
import dev.xiaolu.tensor.Kernel;
import dev.xiaolu.tensor.SeenEntries;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/// The entries of greatest score: the least score that is chosen is found byte by byte, from the highest; what exceeds it is chosen, and of its equals the first.
///
/// Where entries are many, most are put aside before: of the greatest scores of disjoint groups, the one at place `k` is exceeded or equalled by `k` scores, so that lower ones need not be looked at.
/// That takes two passes over the scores, both in vectors.
final class TopEntriesKernel implements Kernel<TopEntries> {
    /// Groups for each place: more make the bound tighter, fewer make it cheaper.
    private static final int GROUPS = 8;
    /// Entries of the smallest and of the largest group.
    private static final int SMALLEST = 4;
    private static final int LARGEST = 64;

    private final Workers workers;
    private final AtomicInteger next = new AtomicInteger();
    private final Row[] team;

    TopEntriesKernel(Workers workers) {
        this.workers = workers;
        team = new Row[workers.threads()];
        Arrays.setAll(team, _ -> new Row());
    }

    @Override public void run(TopEntries op, Tensor[] in, Tensor[] out) {
        SeenEntries seen = SeenEntries.of(in[1], false, in[0].shape().axis(2));
        int places = Math.toIntExact(out[0].shape().last());
        int rows = places == 0 ? 0 : Math.toIntExact(out[0].shape().rows());
        int queries = Math.toIntExact(in[0].shape().axis(1));
        next.set(0);
        workers.share(Math.min(rows, workers.threads()), 1, (from, _) -> {
            Row row = team[(int) from];
            row.open(in[0].data(), places);
            for (int index = next.getAndIncrement(); index < rows; index = next.getAndIncrement()) {
                int sequence = index / queries;
                int query = index % queries;
                int first = seen.first(sequence, query);
                row.at = 4 * (sequence * in[0].stride(0) + query * in[0].stride(1) + first);
                row.choose(first, seen.end(sequence, query) - first, out[0].data(), 4L * index * places);
            }
        });
    }

    /// One thread's rows of scores, one after the other, with room that they share.
    private static final class Row {
        private final int[] counts = new int[256];
        private MemorySegment scores;
        private int places;
        private int[] kept = {};                                 // entries that may be chosen, ascending
        private int[] ranks = {};                                // and their ranks
        private float[] maxima = {};                             // of groups
        private long at;                                         // where the first entry that is seen lies, in bytes

        void open(MemorySegment scores, int places) {
            this.scores = scores;
            this.places = places;
            if (kept.length < 4 * places + 64) {
                kept = new int[4 * places + 64];
            }
        }

        /// Of `visible` entries, which `first` begins.
        void choose(int first, int visible, MemorySegment chosen, long into) {
            int place = 0;
            if (visible <= places) {
                for (; place < visible; place++) {
                    chosen.set(JAVA_INT, into + 4L * place, first + place);
                }
            } else {
                int left = keepLoop(visible);
                boolean all = left < 0;
                int count = all ? visible : left;
                room(count);
                for (int i = 0; i < count; i++) {
                    ranks[i] = rank(scores.get(JAVA_FLOAT, at + 4L * (all ? i : kept[i])));
                }
                int least = least(count, places);
                int equals = places;                             // how many of those with this rank are chosen
                for (int i = 0; i < count; i++) {
                    equals -= Integer.compareUnsigned(ranks[i], least) > 0 ? 1 : 0;
                }
                for (int i = 0; place < places; i++) {
                    int order = Integer.compareUnsigned(ranks[i], least);
                    if (order > 0 || order == 0 && equals-- > 0) {
                        chosen.set(JAVA_INT, into + 4L * place++, first + (all ? i : kept[i]));
                    }
                }
            }
            for (; place < places; place++) {
                chosen.set(JAVA_INT, into + 4L * place, -1);
            }
        }

        private void room(int count) {
            if (ranks.length < count) {
                ranks = new int[count];
            }
        }

        /// The rank at place `wanted`, from the highest, of the first `count`.
        private int least(int count, int wanted) {
            int least = 0;                                       // the bytes that are known, unsigned
            for (int shift = 24; shift >= 0; shift -= 8) {
                Arrays.fill(counts, 0);
                for (int i = 0; i < count; i++) {
                    if (shift == 24 || ranks[i] >>> shift + 8 == least >>> shift + 8) {
                        counts[ranks[i] >>> shift & 255]++;
                    }
                }
                int bucket = 255;
                for (; counts[bucket] < wanted; bucket--) {
                    wanted -= counts[bucket];
                }
                least |= bucket << shift;
            }
            return least;
        }

        /// Puts aside what cannot be chosen; how many entries are kept, or −1 where that is not worth it or too many are equal.
        private int keepLoop(int visible) {
            int size = Math.min(LARGEST, visible / (GROUPS * places));
            if (size < SMALLEST) {
                return -1;
            }
            float bound = boundLoop(visible, size);
            if (bound == Float.NEGATIVE_INFINITY) {
                return -1;
            }
            int count = 0;
            int entry = 0;
            for (; entry <= visible - LANES; entry += LANES) {
                long bits = FloatVector.fromMemorySegment(FLOATS, scores, at + 4L * entry, LITTLE_ENDIAN).compare(VectorOperators.GE, bound).toLong();
                if (bits != 0) {
                    if (count > kept.length - LANES) {
                        return -1;
                    }
                    for (; bits != 0; bits &= bits - 1) {
                        kept[count++] = entry + Long.numberOfTrailingZeros(bits);
                    }
                }
            }
            for (; entry < visible; entry++) {
                if (scores.get(JAVA_FLOAT, at + 4L * entry) >= bound) {
                    if (count == kept.length) {
                        return -1;
                    }
                    kept[count++] = entry;
                }
            }
            return count;
        }

        /// A score that at least `places` entries reach: a group is one lane of `size` neighbouring vectors.
        private float boundLoop(int visible, int size) {
            int groups = visible / (LANES * size) * LANES;
            if (maxima.length < groups) {
                maxima = new float[groups];
            }
            room(groups);
            FloatVector least = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
            for (int group = 0; group < groups; group += LANES) {
                long from = at + 4L * group * size;
                FloatVector most = least;
                for (int i = 0; i < size; i++) {
                    FloatVector x = FloatVector.fromMemorySegment(FLOATS, scores, from + 4L * i * LANES, LITTLE_ENDIAN);
                    most = most.blend(x, x.compare(VectorOperators.GT, most));           // passes over NaN
                }
                most.intoArray(maxima, group);
            }
            if (groups < places) {
                return Float.NEGATIVE_INFINITY;
            }
            for (int group = 0; group < groups; group++) {
                ranks[group] = rank(maxima[group]);
            }
            int bound = least(groups, places);
            return Float.intBitsToFloat(bound < 0 ? bound ^ 0x80000000 : ~bound);
        }

        /// Greater scores have greater ranks, unsigned; NaN has that of −∞ and −0 that of +0.
        private static int rank(float given) {
            float score = given + 0f;
            int bits = Float.floatToRawIntBits(score == score ? score : Float.NEGATIVE_INFINITY);
            return bits ^ (bits >> 31 | 0x80000000);
        }
    }
}
