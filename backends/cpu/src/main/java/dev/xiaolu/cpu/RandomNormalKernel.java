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
        int[] radii = new int[2 * COUNTERS];
        int[] angles = new int[2 * COUNTERS];
        float[] even = new float[2 * COUNTERS];
        float[] odd = new float[2 * COUNTERS];
        for (long counter = from / 4; 4 * counter < to; counter += COUNTERS) {
            for (int k = 0; k < COUNTERS; k++) {
                key.draw(counter + k, words);
                radii[2 * k] = words[0];
                angles[2 * k] = words[1];
                radii[2 * k + 1] = words[2];
                angles[2 * k + 1] = words[3];
            }
            transform(op.std(), radii, angles, even, odd);
            long first = 4 * counter;
            for (long i = Math.max(from, first); i < Math.min(to, first + 4 * COUNTERS); i++) {
                int pair = (int) (i - first) / 2;
                x.setAtIndex(JAVA_FLOAT, at + i - from, (i & 1) == 0 ? even[pair] : odd[pair]);
            }
        }
    }

    /// Leaves the first of each pair of normal numbers in `even`, the second in `odd`.
    private static void transform(float std, int[] radii, int[] angles, float[] even, float[] odd) {
        for (int k = 0; k < radii.length; k += LANES) {
            FloatVector u = ((FloatVector) IntVector.fromArray(INTS, radii, k).lanewise(VectorOperators.LSHR, 8).add(1).convert(VectorOperators.I2F, 0)).mul(0x1p-24f);
            VectorElementary.log(u).mul(-2f).sqrt().intoArray(even, k);
        }
        for (int k = 0; k < radii.length; k += LANES) {
            VectorElementary.sin(angle(angles, k)).mul(FloatVector.fromArray(FLOATS, even, k)).mul(std).intoArray(odd, k);
        }
        for (int k = 0; k < radii.length; k += LANES) {
            VectorElementary.cos(angle(angles, k)).mul(FloatVector.fromArray(FLOATS, even, k)).mul(std).intoArray(even, k);
        }
    }

    private static FloatVector angle(int[] words, int k) {
        return ((FloatVector) IntVector.fromArray(INTS, words, k).lanewise(VectorOperators.LSHR, 8).convert(VectorOperators.I2F, 0)).mul(0x1p-24f).mul(6.2831855f);
    }
}
