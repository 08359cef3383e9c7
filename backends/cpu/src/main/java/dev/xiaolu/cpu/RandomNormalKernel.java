package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.INTS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.xiaolu.cpu.Lanes.Value;
import dev.xiaolu.op.RandomNormal;
import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.tensor.Kernel;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
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
        if (MachineCode.available()) {
            Spans.share(workers, (from, to) -> fillCoded(op, x.data(), 4 * x.offsetOf(from), from, to), x);
            return;
        }
        Spans.share(workers, (from, to) -> fill(op, x.data(), x.offsetOf(from), from, to), x);
    }

    /// The same by machine code, from native memory.
    private static void fillCoded(RandomNormal op, MemorySegment x, long at, long from, long to) {
        var key = new RandomKey(op.key());
        int[] words = new int[4];
        int[] drawn = new int[4 * COUNTERS];                     // words of radii, then words of angles
        int pairs = 2 * COUNTERS;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment scratch = arena.allocate(4L * 4 * pairs, 64);
            LaneCall call = Code.PAIRS.call().factor(0, op.std()).place(0, scratch.address()).place(1, scratch.address() + 4L * pairs).place(2, scratch.address() + 8L * pairs);
            for (long counter = from / 4; 4 * counter < to; counter += COUNTERS) {
                for (int k = 0; k < COUNTERS; k++) {
                    key.draw(counter + k, words);
                    drawn[2 * k] = words[0];
                    drawn[pairs + 2 * k] = words[1];
                    drawn[2 * k + 1] = words[2];
                    drawn[pairs + 2 * k + 1] = words[3];
                }
                MemorySegment.copy(drawn, 0, scratch, JAVA_INT, 0, 2 * pairs);
                call.run(pairs);
                long first = Math.max(from, 4 * counter);
                long end = Math.min(to, 4 * counter + 2L * pairs);
                MemorySegment.copy(scratch, 8L * pairs + 4 * (first - 4 * counter), x, at + 4 * (first - from), 4 * (end - first));
            }
        }
    }

    /// `words of radii, words of angles, numbers`, two for each element of the others.
    private static final class Code {
        static final LaneLoop PAIRS = LaneLoop.of(x -> {
            Value scale = x.constant(0x1p-24f);
            Value u = x.mul(x.toFloats(x.addInts(x.shiftRightUnsigned(x.load(0), 8), x.bits(1))), scale);
            Value radius = x.sqrt(x.mul(LaneElementary.log(x, u), x.constant(-2f)));
            Value angle = x.mul(x.mul(x.toFloats(x.shiftRightUnsigned(x.load(1), 8)), scale), x.constant(6.2831855f));
            LaneElementary.Waves waves = LaneElementary.waves(x, angle);
            Value even = x.mul(x.mul(waves.cosine(), radius), x.factor(0));
            Value odd = x.mul(x.mul(waves.sine(), radius), x.factor(0));
            Lanes.Mask odds = x.less(x.lanes(lane -> (lane & 1) == 0 ? 0 : 0xBF800000), x.constant(0f));
            for (int half = 0; half < 2; half++) {
                int first = half * LANES / 2;
                Value twice = x.lanes(lane -> first + lane / 2);
                x.storeWide(2, half, x.blend(x.rearrange(even, twice), x.rearrange(odd, twice), odds));
            }
        });
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
