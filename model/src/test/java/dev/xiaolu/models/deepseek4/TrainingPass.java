package dev.xiaolu.models.deepseek4;

import dev.xiaolu.autograd.Tape;
import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.TrainingLosses;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Golden;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.BiConsumer;

/// One pass of training on the golden model `tiny_a`, forward and back, and what it takes.
final class TrainingPass {
    static final Golden MODEL = Golden.open("deepseek4/tiny_a");
    static final DeepSeekV4Recipe PLAIN = new DeepSeekV4Recipe(0, 0, 0, 0, 0);

    private TrainingPass() {}

    /// Gives each a model, all weights equal, that rounds what `rounding` says.
    static void withModel(Rounding rounding, BiConsumer<DeepSeekV4, Arena> check) {
        try (Backend backend = Backends.open("auto", 2); Scratch scratch = new Scratch(); Arena arena = Arena.ofShared()) {
            Compute.call(backend, scratch, () -> {
                check.accept(GoldenModel.of(MODEL, rounding, arena), arena);
                return null;
            });
        }
    }

    /// Tokens of a sequence, one more than `length`.
    static int[] text(int seed, int length) {
        return new Random(seed).ints(length + 1, 0, 512).toArray();
    }

    static Batch batch(int[]... sequences) {
        int length = sequences[0].length - 1;
        return Batch.of(Compute.current().scratch(), sequences, new int[sequences.length][length], length);
    }

    static Tensor targets(int[]... sequences) {
        return Batch.targets(Compute.current().scratch(), sequences, sequences[0].length - 1);
    }

    /// Losses by name, terms of one name added up, and the gradients of every leaf by parameter; `weight` on all terms is the recipe's.
    static Map<String, float[]> of(DeepSeekV4Training training, int firstSequence, int leaves, int[]... sequences) {
        Scratch scratch = Compute.current().scratch();
        Scratch.Mark before = scratch.mark();
        var found = new TreeMap<String, float[]>();
        var tape = new Tape(training.trained(), leaves);
        Batch batch = batch(sequences);
        Tensor targets = targets(sequences);
        TrainingLosses losses = Compute.recording(tape, () -> training.losses(batch, targets, firstSequence, leaves));
        found.put("loss", losses.nextToken().toFloats());
        List<Tape.Seed> seeds = new ArrayList<>();
        seeds.add(new Tape.Seed(losses.nextToken(), filled(leaves, 1)));
        for (TrainingLosses.Term term : losses.terms()) {
            found.merge(term.name(), term.perLeaf().toFloats(), TrainingPass::sum);
            seeds.add(new Tape.Seed(term.perLeaf(), filled(leaves, term.weight())));
        }
        tape.backward(seeds, (parameter, sums) -> found.put(parameter.name(), sums.toFloats()));
        scratch.reset(before);
        return found;
    }

    private static float[] sum(float[] a, float[] b) {
        float[] sum = a.clone();
        for (int i = 0; i < sum.length; i++) {
            sum[i] += b[i];
        }
        return sum;
    }

    private static Tensor filled(int count, float value) {
        Tensor filled = Compute.current().scratch().allocate(new TensorType(DType.F32, Shape.of(count)));
        for (int i = 0; i < count; i++) {
            filled.setFloat(value, i);
        }
        return filled;
    }
}
