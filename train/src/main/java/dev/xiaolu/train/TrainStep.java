package dev.xiaolu.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.xiaolu.autograd.Tape;
import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.Training;
import dev.xiaolu.nn.TrainingLosses;
import dev.xiaolu.optim.GradientSums;
import dev.xiaolu.optim.Optimizer;
import dev.xiaolu.optim.Schedule;
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

/// One step of training: forward and backward leaf by leaf, exact sums, clipping, the optimizer's update.
///
/// The result is a function of the parameters, the optimizer's state, the step's number and its sequences; the cut into passes, threads and backends cannot change it.
/// Runs on the current [Compute]; one thread at a time. Owns the gradient sums until [#close].
public final class TrainStep implements AutoCloseable {
    private static final double CLIP_EPSILON = 1e-6;

    private final Training training;
    private final Optimizer optimizer;
    private final Schedule schedule;
    private final double clipNorm;
    private final LongFunction<StepPlan> plans;
    private final GradientSums sums;

    /// Steps of these plans, by number; `clipNorm` 0 leaves gradients as they are.
    public TrainStep(Training training, Optimizer optimizer, Schedule schedule, double clipNorm, LongFunction<StepPlan> plans) {
        this.training = training;
        this.optimizer = optimizer;
        this.schedule = schedule;
        this.clipNorm = clipNorm;
        this.plans = plans;
        sums = new GradientSums(training.trained());
    }

    /// Computes step `step` and updates the parameters, unless a loss or gradient is not finite.
    public StepResult run(long step, SequenceSource source) {
        StepPlan plan = plans.apply(step);
        sums.begin(plan.leaves());
        training.begin(step);
        var losses = new LossSums(plan.leaves());
        Scratch scratch = Compute.current().scratch();
        for (int leaf = 0; leaf < plan.leaves(); leaf += plan.microBatchLeaves()) {
            int leaves = Math.min(plan.microBatchLeaves(), plan.leaves() - leaf);
            Scratch.Mark before = scratch.mark();
            try (Recycling _ = scratch.recycle()) {
                losses.add(pass(plan, step, leaf, leaves, source));
            }
            scratch.reset(before);
        }
        double rate = schedule.rate(step);
        double norm = sums.overflowed() ? Double.NaN : sums.finish();
        boolean sound = losses.finite() && norm < Double.POSITIVE_INFINITY;
        if (sound) {
            float scale = clipNorm > 0 ? (float) Math.min(1, clipNorm / (norm + CLIP_EPSILON)) : 1;
            foresee(step + training.lead(), source);
            optimizer.step(step, rate, sums, scale);
            training.updated();
        }
        return new StepResult(step, losses.nextToken(), losses.terms(), norm, rate, plan.tokens(), training.routers(), sound);
    }

    /// Forward and backward of some leaves of the step.
    private TrainingLosses pass(StepPlan plan, long step, int firstLeaf, int leaves, SequenceSource source) {
        Scratch scratch = Compute.current().scratch();
        Sequences given = sequences(plan, step, firstLeaf, leaves, source);
        var tape = new Tape(training.trained(), leaves);
        TrainingLosses losses = Compute.recording(tape, () -> training.losses(given.batch, given.targets, given.firstSequence, leaves));
        List<Tape.Seed> seeds = new ArrayList<>();
        seeds.add(new Tape.Seed(losses.nextToken(), filled(scratch, leaves, 1)));
        losses.terms().forEach(term -> seeds.add(new Tape.Seed(term.perLeaf(), filled(scratch, leaves, term.weight()))));
        tape.backward(seeds, sums);
        sums.counted(leaves);
        return losses;
    }

    /// Shows the sequences of a later step to a training that wants to see them, with the weights that this step began with.
    private void foresee(long later, SequenceSource source) {
        if (training.lead() == 0) {
            return;
        }
        StepPlan plan = plans.apply(later);
        Scratch scratch = Compute.current().scratch();
        for (int leaf = 0; leaf < plan.leaves(); leaf += plan.microBatchLeaves()) {
            Scratch.Mark before = scratch.mark();
            Sequences given = sequences(plan, later, leaf, Math.min(plan.microBatchLeaves(), plan.leaves() - leaf), source);
            training.foresee(given.batch, given.targets, given.firstSequence);
            scratch.reset(before);
        }
    }

    /// The sequences of one pass, from the place `firstSequence` of their step on.
    private record Sequences(Batch batch, Tensor targets, int firstSequence) {}

    private Sequences sequences(StepPlan plan, long step, int firstLeaf, int leaves, SequenceSource source) {
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

    @Override public void close() {
        sums.close();
    }
}
