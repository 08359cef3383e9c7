package dev.xiaolu.train;

import dev.xiaolu.optim.Schedule;

/// The learning rate that a config describes.
public final class Schedules {
    private Schedules() {}

    /// The rate of every step.
    public static Schedule of(RunConfig config) {
        RunConfig.Optim optim = config.optim();
        double peak = optim.learningRate();
        double floor = peak * optim.minLearningRateRatio();
        long steps = config.train().steps();
        return switch (optim.schedule()) {
            case COSINE -> Schedule.cosine(peak, floor, optim.warmupSteps(), steps);
            case WSD -> Schedule.warmupConstantDecay(peak, floor, optim.warmupSteps(), decaySteps(config), steps);
            case CONSTANT -> Schedule.constant(peak, optim.warmupSteps());
        };
    }

    /// The first step whose rate is below the peak that warm-up reached.
    static long decayFrom(RunConfig config) {
        long warmup = config.optim().warmupSteps();
        return switch (config.optim().schedule()) {
            case COSINE -> warmup + 1;
            case WSD -> Math.max(warmup, config.train().steps() - decaySteps(config)) + 1;
            case CONSTANT -> Long.MAX_VALUE;
        };
    }

    private static long decaySteps(RunConfig config) {
        return Math.round(config.optim().decayFraction() * config.train().steps());
    }
}
