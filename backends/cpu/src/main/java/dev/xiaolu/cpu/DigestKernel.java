package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.LONGS;
import static dev.xiaolu.op.Digest.BLOCK;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.xiaolu.op.Digest;
import dev.xiaolu.tensor.Kernel;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;

/// Fingerprints of tensors: whole blocks of four-byte and eight-byte elements by vectors, the rest one by one.
///
/// Integers modulo 2^64 have no order of addition, so vectors sum along the row and threads add to one total.
final class DigestKernel implements Kernel<Digest> {
    private static final long[][] PLACES = places(1, 0);
    /// The keys of the even and the odd places, as a pair of four-byte elements in one long wants them.
    private static final long[][] EVEN = places(2, 0);
    private static final long[][] ODD = places(2, 1);
    /// The sums of all place keys: what the `+ 1` of a whole block comes to.
    private static final long[] TOTALS = {total(0), total(1)};

    private final Workers workers;
    private final AtomicLong sum0 = new AtomicLong();
    private final AtomicLong sum1 = new AtomicLong();

    DigestKernel(Workers workers) {
        this.workers = workers;
    }

    @Override public void run(Digest op, Tensor[] in, Tensor[] out) {
        Tensor x = in[0];
        sum0.set(0);
        sum1.set(0);
        Spans.share(workers, (from, to) -> add(x, from, to, op.firstIndex() + from), x);
        out[0].data().set(JAVA_LONG, 0, sum0.get());
        out[0].data().set(JAVA_LONG, 8, sum1.get());
    }

    /// Adds the run `from..to` of `x`, whose first element has index `index` in the whole tensor, one block after the other.
    private void add(Tensor x, long from, long to, long index) {
        int bytes = x.dtype().bytes();
        long at = x.offsetOf(from) * bytes;
        long end = index + to - from;
        long total0 = 0;
        long total1 = 0;
        while (index < end) {
            int place = (int) (index % BLOCK);
            int count = (int) Math.min(BLOCK - place, end - index);
            total0 += Digest.block(0, index / BLOCK) * piece(0, x.data(), at, bytes, place, count);
            total1 += Digest.block(1, index / BLOCK) * piece(1, x.data(), at, bytes, place, count);
            at += (long) count * bytes;
            index += count;
        }
        sum0.addAndGet(total0);
        sum1.addAndGet(total1);
    }

    /// `Σ place(hash, j) · (bits_j + 1)` over `count` places of one block.
    private static long piece(int hash, MemorySegment x, long at, int bytes, int place, int count) {
        if (count == BLOCK && bytes == 4) {
            return pairLoop(x, at, EVEN[hash], ODD[hash]) + TOTALS[hash];
        }
        if (count == BLOCK && bytes == 8) {
            return longLoop(x, at, PLACES[hash]) + TOTALS[hash];
        }
        long sum = 0;
        for (int j = 0; j < count; j++) {
            sum += PLACES[hash][place + j] * (bits(x, at + (long) j * bytes, bytes) + 1);
        }
        return sum;
    }

    private static long pairLoop(MemorySegment x, long at, long[] even, long[] odd) {
        LongVector sum = LongVector.zero(LONGS);
        for (int j = 0; j < BLOCK / 2; j += LONGS.length()) {
            LongVector pair = LongVector.fromMemorySegment(LONGS, x, at + 8L * j, LITTLE_ENDIAN);
            sum = sum.add(pair.and(0xFFFFFFFFL).mul(LongVector.fromArray(LONGS, even, j)));
            sum = sum.add(pair.lanewise(VectorOperators.LSHR, 32).mul(LongVector.fromArray(LONGS, odd, j)));
        }
        return sum.reduceLanes(VectorOperators.ADD);
    }

    private static long longLoop(MemorySegment x, long at, long[] places) {
        LongVector sum = LongVector.zero(LONGS);
        for (int j = 0; j < BLOCK; j += LONGS.length()) {
            sum = sum.add(LongVector.fromMemorySegment(LONGS, x, at + 8L * j, LITTLE_ENDIAN).mul(LongVector.fromArray(LONGS, places, j)));
        }
        return sum.reduceLanes(VectorOperators.ADD);
    }

    private static long bits(MemorySegment x, long at, int bytes) {
        return switch (bytes) {
            case 1 -> x.get(JAVA_BYTE, at) & 0xFFL;
            case 2 -> x.get(JAVA_SHORT, at) & 0xFFFFL;
            case 4 -> x.get(JAVA_INT, at) & 0xFFFFFFFFL;
            default -> x.get(JAVA_LONG, at);
        };
    }

    /// For each hash, the keys of the places `first`, `first + step`, ….
    private static long[][] places(int step, int first) {
        long[][] keys = new long[2][BLOCK / step];
        for (int j = 0; j < BLOCK / step; j++) {
            keys[0][j] = Digest.place(0, first + step * j);
            keys[1][j] = Digest.place(1, first + step * j);
        }
        return keys;
    }

    private static long total(int hash) {
        long sum = 0;
        for (long key : PLACES[hash]) {
            sum += key;
        }
        return sum;
    }
}
