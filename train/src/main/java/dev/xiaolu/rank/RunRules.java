package dev.xiaolu.rank;

import dev.xiaolu.train.Looks;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.StepResult;
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

    @Override public String fault(String about, long step, List<Long> totals, String where, long durable) {
        Verdict verdict = Replica.verdict(About.terms(about), RunPlan.of(config, from).leavesOf(step), totals);
        return verdict.sound() ? null : Verdict.refusal(verdict.result(step, 0, 0, List.of()), where, "the weights are those of step %d, the newest checkpoint is of step %d"
                .formatted(step - 1, Math.max(durable, from))).getMessage();
    }

    @Override public String spike(String about, long step, List<Long> totals, List<Ledger.Row> before) {
        if (before.size() < Spike.WINDOW) {
            return null;
        }
        double loss = Replica.verdict(About.terms(about), RunPlan.of(config, from).leavesOf(step), totals).losses().nextToken();
        if (loss <= StepResult.of(before.getLast().result()).loss() + Spike.LEAP) {
            return null;                                         // nearly always
        }
        double[] losses = before.stream().skip(before.size() - Spike.WINDOW).mapToDouble(row -> StepResult.of(row.result()).loss()).toArray();
        return Spike.is(losses, loss) ? "step %d: its loss leaps to %.4f, from a median of %.4f over the %d steps before".formatted(step, loss, Spike.median(losses), losses.length) : null;
    }
}
