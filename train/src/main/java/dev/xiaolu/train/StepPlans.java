package dev.xiaolu.train;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/// The plan of every step of a run, as a function of the step: sizes may grow by stages.
///
/// Places in the data go on without a gap from stage to stage: where a stage's sequences are longer, it begins at the first of them behind what has been used.
public final class StepPlans {
    private record Part(long after, StepPlan plan, long tokensBefore, long sequencesBefore) {}

    private final List<Part> parts = new ArrayList<>();

    private StepPlans() {}

    /// The plans of a config.
    public static StepPlans of(RunConfig.Train train) {
        var starts = new TreeSet<Long>(List.of(0L));
        train.sequenceSchedule().forEach(stage -> starts.add(stage.after()));
        train.batchSchedule().forEach(stage -> starts.add(stage.after()));
        var plans = new StepPlans();
        for (long after : starts) {
            var plan = new StepPlan(Stage.size(train.batchSchedule(), train.batchSequences(), after + 1), train.gradientLeafSequences(), train.microBatchLeaves(),
                    Stage.size(train.sequenceSchedule(), train.sequenceLength(), after + 1));
            long tokens = plans.tokensThrough(after);
            plans.parts.add(new Part(after, plan, tokens, Math.ceilDiv(tokens, (long) plan.sequenceLength())));
        }
        return plans;
    }

    /// The plan of step `step`, counted from 1.
    public StepPlan at(long step) {
        return part(step).plan;
    }

    /// The most tokens that a step trains on.
    long mostTokens() {
        return parts.stream().mapToLong(part -> part.plan.tokens()).max().orElseThrow();
    }

    /// Tokens trained on in the steps up to `step`.
    public long tokensThrough(long step) {
        if (step == 0) {
            return 0;
        }
        Part part = part(step);
        return part.tokensBefore + (step - part.after) * part.plan.tokens();
    }

    /// The place in the data, in sequences of its length, at which step `step` begins.
    long firstSequence(long step) {
        Part part = part(step);
        return part.sequencesBefore + (step - 1 - part.after) * part.plan.batchSequences();
    }

    private Part part(long step) {
        Part found = parts.getFirst();
        for (Part part : parts) {
            found = part.after < step ? part : found;
        }
        return found;
    }
}
