package dev.xiaolu.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.xiaolu.autograd.Tape;
import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.Training;
import dev.xiaolu.nn.TrainingLosses;
import dev.xiaolu.optim.GradientSums;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Recycling;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongFunction;

/// Forward and backward of leaves of a step, any of them in any order. Runs on the current [Compute]; one thread at a time.
///
/// @param training what is trained
/// @param plans    the plan of each step, by number
/// @param source   the sequences of every step
public record LeafPasses(Training training, LongFunction<StepPlan> plans, SequenceSource source) {
    /// One pass over `leaves` neighbouring leaves of step `step`, from `firstLeaf` on; adds to both sums.
    public void pass(long step, int firstLeaf, int leaves, GradientSums gradients, LossSums losses) {
        Scratch scratch = Compute.current().scratch();
        Scratch.Mark before = scratch.mark();
        try (Recycling _ = scratch.recycle()) {
            losses.add(pass(step, firstLeaf, leaves, gradients));
        }
        scratch.reset(before);
    }

    private TrainingLosses pass(long step, int firstLeaf, int leaves, GradientSums gradients) {
        Scratch scratch = Compute.current().scratch();
        Sequences given = sequences(plans.apply(step), step, firstLeaf, leaves);
        var tape = new Tape(training.trained(), leaves);
        TrainingLosses losses = Compute.within("forward", () -> Compute.recording(tape, () -> training.losses(given.batch, given.targets, given.firstSequence, leaves)));
        List<Tape.Seed> seeds = new ArrayList<>();
        seeds.add(new Tape.Seed(losses.nextToken(), filled(scratch, leaves, 1)));
        losses.terms().forEach(term -> seeds.add(new Tape.Seed(term.perLeaf(), filled(scratch, leaves, term.weight()))));
        Compute.within("backward", () -> {
            tape.backward(seeds, gradients);
            return null;
        });
        gradients.counted(leaves);
        return losses;
    }

    /// Shows the sequences of a step that is still to come to a training that wants to see them.
    void foresee(long step) {
        StepPlan plan = plans.apply(step);
        Scratch scratch = Compute.current().scratch();
        for (int leaf = 0; leaf < plan.leaves(); leaf += plan.microBatchLeaves()) {
            Scratch.Mark before = scratch.mark();
            Sequences given = sequences(plan, step, leaf, Math.min(plan.microBatchLeaves(), plan.leaves() - leaf));
            training.foresee(given.batch, given.targets, given.firstSequence);
            scratch.reset(before);
        }
    }

    /// The sequences of one pass, from the place `firstSequence` of their step on.
    private record Sequences(Batch batch, Tensor targets, int firstSequence) {}

    private Sequences sequences(StepPlan plan, long step, int firstLeaf, int leaves) {
        int from = firstLeaf * plan.leafSequences();
        int[][] tokens = new int[leaves * plan.leafSequences()][];
        int[][] first = new int[tokens.length][];
        for (int i = 0; i < tokens.length; i++) {
            SequenceSource.Sequence sequence = source.at(step, from + i, plan.sequenceLength());
            tokens[i] = sequence.tokens();
            first[i] = sequence.first();
        }
        Scratch scratch = Compute.current().scratch();
        return new Sequences(Batch.of(scratch, tokens, first, plan.sequenceLength()), Batch.targets(scratch, tokens, plan.sequenceLength()), from);
    }

    private static Tensor filled(Scratch scratch, int count, float value) {
        Tensor filled = scratch.allocate(new TensorType(DType.F32, Shape.of(count)));
        for (int i = 0; i < count; i++) {
            filled.data().setAtIndex(JAVA_FLOAT, i, value);
        }
        return filled;
    }
}
