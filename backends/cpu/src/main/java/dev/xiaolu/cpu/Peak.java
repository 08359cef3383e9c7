package dev.xiaolu.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/// Measures what the processor can do at most: multiply-adds on registers, and copies through memory. Nothing here is a result anybody uses as a number of a model.
///
/// The best of several spells counts, so that a spell in which the machine was busy elsewhere does no harm.
final class Peak {
    static final int CHAINS = 12;                                // enough to hide four cycles of latency on two ports or more
    static final float FACTOR = 0.01f;
    private static final int STEPS = 100_000;                    // of each chain, in one spell: some tenths of a millisecond
    private static final int WARMING = 60;
    private static final int SPELLS = 200;
    private static final int COPIES = 6;
    private static final long COPIED_BYTES = 64L << 20;          // for each thread

    private final Workers workers;
    private final float[] factors = new float[2 * Vectors.LANES];  // whole vectors from memory: a broadcast would be made again for every multiply-add
    private final float[] sink;

    Peak(Workers workers) {
        this.workers = workers;
        sink = new float[workers.threads() * 16];
        Arrays.fill(factors, FACTOR);
    }

    /// F32 operations a second of all threads at once.
    double flopsPerSecond() {
        double[] best = new double[workers.threads()];
        int[] spells = {WARMING, SPELLS};
        for (int count : spells) {
            workers.share(workers.threads(), 1, (from, to) -> {
                for (long i = from; i < to; i++) {
                    best[(int) i] = fastest(count, (int) i);
                }
            });
        }
        double sum = 0;
        for (double each : best) {
            sum += each;
        }
        return sum;
    }

    private double fastest(int spells, int thread) {
        long shortest = Long.MAX_VALUE;
        for (int i = 0; i < spells; i++) {
            long start = System.nanoTime();
            if (MachineCode.available()) {
                PeakCode.run(STEPS);
            } else {
                sink[thread * 16] += multiplyAdd(STEPS, factors);
            }
            shortest = Math.min(shortest, System.nanoTime() - start);
        }
        return 2.0 * CHAINS * Vectors.LANES * STEPS / shortest * 1e9;
    }

    /// Chains of multiply-adds that never leave the registers.
    private static float multiplyAdd(int steps, float[] factors) {
        FloatVector a = FloatVector.fromArray(Vectors.FLOATS, factors, 0);
        FloatVector b = FloatVector.fromArray(Vectors.FLOATS, factors, Vectors.LANES);
        FloatVector s0 = FloatVector.broadcast(Vectors.FLOATS, steps);
        FloatVector s1 = s0.add(1);
        FloatVector s2 = s0.add(2);
        FloatVector s3 = s0.add(3);
        FloatVector s4 = s0.add(4);
        FloatVector s5 = s0.add(5);
        FloatVector s6 = s0.add(6);
        FloatVector s7 = s0.add(7);
        FloatVector s8 = s0.add(8);
        FloatVector s9 = s0.add(9);
        FloatVector s10 = s0.add(10);
        FloatVector s11 = s0.add(11);
        for (int i = 0; i < steps; i++) {
            s0 = a.fma(b, s0);
            s1 = a.fma(b, s1);
            s2 = a.fma(b, s2);
            s3 = a.fma(b, s3);
            s4 = a.fma(b, s4);
            s5 = a.fma(b, s5);
            s6 = a.fma(b, s6);
            s7 = a.fma(b, s7);
            s8 = a.fma(b, s8);
            s9 = a.fma(b, s9);
            s10 = a.fma(b, s10);
            s11 = a.fma(b, s11);
        }
        FloatVector all = s0.add(s1).add(s2.add(s3)).add(s4.add(s5).add(s6.add(s7))).add(s8.add(s9).add(s10.add(s11)));
        return all.lane(0);
    }

    /// Bytes a second, read and written, of all threads copying at once.
    double bytesPerSecond() {
        double best = 0;
        try (Arena arena = Arena.ofShared()) {
            MemorySegment source = arena.allocate(COPIED_BYTES * workers.threads(), 4096);
            MemorySegment target = arena.allocate(COPIED_BYTES * workers.threads(), 4096);
            for (int i = 0; i < COPIES; i++) {
                long start = System.nanoTime();
                workers.share(workers.threads(), 1, (from, to) ->
                        MemorySegment.copy(source, from * COPIED_BYTES, target, from * COPIED_BYTES, (to - from) * COPIED_BYTES));
                best = Math.max(best, 2.0 * source.byteSize() / (System.nanoTime() - start) * 1e9);
            }
        }
        return best;
    }
}
