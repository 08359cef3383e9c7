package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.INTS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.xiaolu.op.RandomNormal;
import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.tensor.Kernel;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/// Normally distributed numbers: words drawn one counter at a time, the transform of Box and Muller on vectors.
final class RandomNormalKernel implements Kernel<RandomNormal> {
    /// Counters worked on at once; each gives four elements.
    private static final int COUNTERS = 64;

    private final Workers workers;

    RandomNormalKernel(Workers workers) {
        this.workers = workers;
    }

    @Override public void run(RandomNormal op, Tensor[] in, Tensor[] out) {
        Tensor x = in[0];
        Spans.share(workers, (from, to) -> fill(op, x.data(), x.offsetOf(from), from, to), x);
    }

    private static void fill(RandomNormal op, MemorySegment x, long at, long from, long to) {
        var key = new RandomKey(op.key());
        int[] words = new int[4];
        int[] ofRadii = new int[2 * COUNTERS];
        int[] ofAngles = new int[2 * COUNTERS];
        float[] angles = new float[2 * COUNTERS];
        float[] even = new float[2 * COUNTERS];
        float[] odd = new float[2 * COUNTERS];
        for (long counter = from / 4; 4 * counter < to; counter += COUNTERS) {
            for (int k = 0; k < COUNTERS; k++) {
                key.draw(counter + k, words);
                ofRadii[2 * k] = words[0];
                ofAngles[2 * k] = words[1];
                ofRadii[2 * k + 1] = words[2];
                ofAngles[2 * k + 1] = words[3];
            }
            radiusLoop(ofRadii, even);
            sineLoop(ofAngles, even, op.std(), angles, odd);
            cosineLoop(angles, op.std(), even);
            long first = 4 * counter;
            for (long i = Math.max(from, first); i < Math.min(to, first + 4 * COUNTERS); i++) {
                int pair = (int) (i - first) / 2;
                x.setAtIndex(JAVA_FLOAT, at + i - from, (i & 1) == 0 ? even[pair] : odd[pair]);
            }
        }
    }

    /// The lengths of as many pairs, √(−2 ln u), u from the upper 24 bits of each word.
    private static void radiusLoop(int[] words, float[] radii) {
        for (int k = 0; k < words.length; k += LANES) {
            FloatVector u = ((FloatVector) IntVector.fromArray(INTS, words, k).lanewise(VectorOperators.LSHR, 8).add(1).convert(VectorOperators.I2F, 0)).mul(0x1p-24f);
            VectorElementary.log(u).mul(-2f).sqrt().intoArray(radii, k);
        }
    }

    /// The angles of the pairs, and in `odd` the second number of each.
    private static void sineLoop(int[] words, float[] radii, float std, float[] angles, float[] odd) {
        for (int k = 0; k < words.length; k += LANES) {
            FloatVector angle = ((FloatVector) IntVector.fromArray(INTS, words, k).lanewise(VectorOperators.LSHR, 8).convert(VectorOperators.I2F, 0)).mul(0x1p-24f).mul(6.2831855f);
            angle.intoArray(angles, k);
            VectorElementary.sin(angle).mul(FloatVector.fromArray(FLOATS, radii, k)).mul(std).intoArray(odd, k);
        }
    }

    /// Turns the length of each pair into its first number.
    private static void cosineLoop(float[] angles, float std, float[] radii) {
        for (int k = 0; k < angles.length; k += LANES) {
            VectorElementary.cos(FloatVector.fromArray(FLOATS, angles, k)).mul(FloatVector.fromArray(FLOATS, radii, k)).mul(std).intoArray(radii, k);
        }
    }
}
