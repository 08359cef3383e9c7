package dev.xiaolu.train;

import dev.xiaolu.nn.Training;
import dev.xiaolu.optim.GradientSums;
import dev.xiaolu.optim.Optimizer;
import dev.xiaolu.optim.Schedule;
import dev.xiaolu.tensor.Compute;
import java.util.List;
import java.util.function.LongFunction;

/// One step of training in one process: forward and backward leaf by leaf, exact sums, clipping, the optimizer's update.
///
/// The result is a function of the parameters, the optimizer's state, the step's number and its sequences; the cut into passes, threads and backends cannot change it.
/// Runs on the current [Compute]; one thread at a time. Owns the gradient sums until [#close].
public final class TrainStep implements AutoCloseable {
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
        var passes = new LeafPasses(training, plans, source);
        sums.begin(plan.leaves());
        training.begin(step);
        var losses = new LossSums(training.terms(), plan.leaves());
        for (int leaf = 0; leaf < plan.leaves(); leaf += plan.microBatchLeaves()) {
            passes.pass(step, leaf, Math.min(plan.microBatchLeaves(), plan.leaves() - leaf), sums, losses);
        }
        double rate = schedule.rate(step);
        var verdict = new Verdict(losses, sums.overflowed() ? Double.NaN : Compute.within("means", sums::finish));
        if (verdict.sound()) {
            if (training.lead() > 0) {
                Compute.within("forward", () -> {
                    passes.foresee(step + training.lead());      // with the weights that this step began with
                    return null;
                });
            }
            Compute.within("update", () -> {
                optimizer.step(step, rate, sums::mean, verdict.scale(clipNorm));
                training.updated();
                return null;
            });
        }
        return verdict.result(step, rate, plan.tokens(), training.routers());
    }

    /// The parameters in whose gradients the last step found what has no exact sum; see [GradientSums#outside()].
    public List<String> outside() {
        return sums.outside();
    }

    @Override public void close() {
        sums.close();
    }
}
