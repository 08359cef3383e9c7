package dev.xiaolu.rank;

import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.recover.Plan;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.StepPlans;
import java.util.List;
import java.util.stream.IntStream;

/// What a config asks of the control plane.
///
/// @param config of the run
/// @param plans  its steps
/// @param from   the step that it goes on from; a stop that lies before it has been made
record RunPlan(RunConfig config, StepPlans plans, long from) implements Plan {
    static RunPlan of(RunConfig config, long from) {
        return new RunPlan(config, StepPlans.of(config.train()), from);
    }

    @Override public int leavesOf(long step) {
        return plans.at(step).leaves();
    }

    @Override public long lastStep() {
        RunConfig.Train train = config.train();
        return train.stopAfter() > from ? Math.min(train.steps(), train.stopAfter()) : train.steps();
    }

    @Override public boolean isCheckpointStep(long step) {
        return config.train().checkpointEvery() > 0 && step % config.train().checkpointEvery() == 0;
    }

    /// Chosen by the step's random key, so that every rank knows them.
    @Override public List<Integer> doubled(long step) {
        double part = config.launch().doubleCheck();
        RandomKey key = RandomKey.ofSeed(config.train().seed()).at("double").at(step);
        return part == 0 ? List.of() : IntStream.range(0, leavesOf(step)).filter(leaf -> key.uniform(leaf) < part).boxed().toList();
    }
}
