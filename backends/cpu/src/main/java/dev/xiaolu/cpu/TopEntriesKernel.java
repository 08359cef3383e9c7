package dev.xiaolu.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.xiaolu.op.TopEntries;
import dev.xiaolu.tensor.Kernel;
import dev.xiaolu.tensor.SeenKeys;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// The entries of greatest score: the least score that is chosen is found byte by byte, from the highest; what exceeds it is chosen, and of its equals the first.
final class TopEntriesKernel implements Kernel<TopEntries> {
    private final Workers workers;

    TopEntriesKernel(Workers workers) {
        this.workers = workers;
    }

    @Override public void run(TopEntries op, Tensor[] in, Tensor[] out) {
        SeenKeys.checkVisible(in[1], in[0].shape().axis(2));
        int places = Math.toIntExact(out[0].shape().last());
        long queries = in[0].shape().axis(1);
        workers.share(places == 0 ? 0 : out[0].shape().rows(), 4, (from, to) -> {
            int[] counts = new int[256];
            for (long row = from; row < to; row++) {
                long sequence = row / queries;
                long query = row % queries;
                choose(in[0].data(), 4 * (sequence * in[0].stride(0) + query * in[0].stride(1)), SeenKeys.at(in[1], sequence, query), out[0].data(), 4 * row * places, places, counts);
            }
        });
    }

    private static void choose(MemorySegment scores, long at, int visible, MemorySegment chosen, long into, int places, int[] counts) {
        int place = 0;
        if (visible <= places) {
            for (; place < visible; place++) {
                chosen.set(JAVA_INT, into + 4L * place, place);
            }
        } else {
            int least = 0;                                       // the bytes of the least chosen rank that are known, unsigned
            int left = places;                                   // how many of those with these bytes are chosen
            for (int shift = 24; shift >= 0; shift -= 8) {
                Arrays.fill(counts, 0);
                for (int entry = 0; entry < visible; entry++) {
                    int rank = rank(scores, at, entry);
                    if (shift == 24 || rank >>> shift + 8 == least >>> shift + 8) {
                        counts[rank >>> shift & 255]++;
                    }
                }
                int bucket = 255;
                for (; counts[bucket] < left; bucket--) {
                    left -= counts[bucket];
                }
                least |= bucket << shift;
            }
            for (int entry = 0; place < places; entry++) {
                int order = Integer.compareUnsigned(rank(scores, at, entry), least);
                if (order > 0 || order == 0 && left-- > 0) {
                    chosen.set(JAVA_INT, into + 4L * place++, entry);
                }
            }
        }
        for (; place < places; place++) {
            chosen.set(JAVA_INT, into + 4L * place, -1);
        }
    }

    /// Greater scores have greater ranks, unsigned; NaN has that of −∞ and −0 that of +0.
    private static int rank(MemorySegment scores, long at, int entry) {
        float score = scores.get(JAVA_FLOAT, at + 4L * entry) + 0f;
        int bits = Float.floatToRawIntBits(score == score ? score : Float.NEGATIVE_INFINITY);
        return bits ^ (bits >> 31 | 0x80000000);
    }
}
