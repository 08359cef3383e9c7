package dev.xiaolu.rank;

import dev.xiaolu.train.Looks;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.Verdict;
import java.util.List;

/// What a run's config says about its steps.
///
/// @param config of the run
/// @param from   the step that it goes on from
record RunRules(RunConfig config, long from) implements Ledger.Rules {
    @Override public boolean looks(long step) {
        return Looks.evaluates(config, step) || Looks.samples(config, step);
    }

    @Override public String fault(String about, long step, List<Long> totals, long durable) {
        Verdict verdict = Replica.verdict(About.terms(about), RunPlan.of(config, from).leavesOf(step), totals);
        return verdict.sound() ? null : Verdict.refusal(verdict.result(step, 0, 0, List.of()), "the weights are those of step %d, the newest checkpoint is of step %d"
                .formatted(step - 1, Math.max(durable, from))).getMessage();
    }
}
