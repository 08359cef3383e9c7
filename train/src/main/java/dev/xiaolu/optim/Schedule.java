package dev.xiaolu.optim;

/// The learning rate as a function of the step; steps count from 1. Pure, so that a resumed run sees the same rates.
@FunctionalInterface
public interface Schedule {
    /// The rate of step `step`.
    double rate(long step);

    /// Linear from 0 over `warmupSteps`, then the peak.
    static Schedule constant(double peak, long warmupSteps) {
        return step -> peak * warm(step, warmupSteps);
    }

    /// Linear from 0 over `warmupSteps`, then half a cosine down to `floor` at step `steps`.
    static Schedule cosine(double peak, double floor, long warmupSteps, long steps) {
        return step -> step <= warmupSteps ? peak * warm(step, warmupSteps) : floor + (peak - floor) * halfCosine(done(step, warmupSteps, steps));
    }

    /// Linear warm-up, the peak, then linear down to `floor` over the last `decaySteps` of `steps`.
    static Schedule warmupConstantDecay(double peak, double floor, long warmupSteps, long decaySteps, long steps) {
        return step -> {
            double done = done(step, Math.max(warmupSteps, steps - decaySteps), steps);
            return step <= warmupSteps ? peak * warm(step, warmupSteps) : peak + (floor - peak) * done;
        };
    }

    private static double warm(long step, long warmupSteps) {
        return warmupSteps <= 0 ? 1 : Math.min(1, (double) step / warmupSteps);
    }

    private static double done(long step, long from, long to) {
        return to <= from ? (step > from ? 1 : 0) : Math.clamp((double) (step - from) / (to - from), 0, 1);
    }

    /// From 1 to 0; the cosine is the one whose bits Java specifies.
    private static double halfCosine(double done) {
        return 0.5 * (1 + StrictMath.cos(Math.PI * done));
    }
}
