package dev.xiaolu.models.deepseek4;

import dev.xiaolu.autograd.Tape;
import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.Filler;
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
import dev.xiaolu.testkit.GoldenWeights;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.Function;

/// One pass of training, forward and back, on the golden model `tiny_a` or a narrow one, and what it takes.
final class TrainingPass {
    static final Golden MODEL = Golden.open("deepseek4/tiny_a");
    static final DeepSeekV4Recipe PLAIN = new DeepSeekV4Recipe(0, 0, 0, 0, 0);

    private TrainingPass() {}

    /// Gives a check that model.
    static void withModel(BiConsumer<DeepSeekV4, Arena> check) {
        with(arena -> GoldenModel.of(MODEL, arena), check);
    }

    /// Gives a check the narrow model, rounding what `rounding` says.
    static void withNarrow(Rounding rounding, BiConsumer<DeepSeekV4, Arena> check) {
        with(arena -> narrow(rounding, arena), check);
    }

    /// A model of five narrow layers whose weights are generated from their names.
    static DeepSeekV4 narrow(Rounding rounding, Arena arena) {
        return new DeepSeekV4(TinyV4.config(TinyV4.NARROW), rounding, arena, (name, value, initial) -> GoldenWeights.fill(name, value, initial instanceof Filler.Table(int ids) ? ids : 0));
    }

    private static void with(Function<Arena, DeepSeekV4> model, BiConsumer<DeepSeekV4, Arena> check) {
        try (Backend backend = Backends.open("auto", 2); Scratch scratch = new Scratch(); Arena arena = Arena.ofShared()) {
            Compute.call(backend, scratch, () -> {
                check.accept(model.apply(arena), arena);
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
        if (scratch.recycling().isEmpty()) {
            scratch.reset(before);
        }
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
