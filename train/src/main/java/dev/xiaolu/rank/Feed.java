package dev.xiaolu.rank;

import dev.xiaolu.store.DigestChain;
import dev.xiaolu.train.Evaluation;
import dev.xiaolu.train.RunListener;
import dev.xiaolu.train.StepResult;
import java.util.Optional;
import java.util.stream.StreamSupport;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Tells a listener what a ledger holds: each step once, and with it what was seen after it. A step that is still looked at waits, and with it those after it. One thread at a time.
final class Feed {
    private final RunListener to;
    private long step;
    private long sampled;

    /// @param step    the newest step that was told
    /// @param sampled the newest step whose samples were told
    Feed(RunListener to, long step, long sampled) {
        this.to = to;
        this.step = step;
        this.sampled = sampled;
    }

    /// Tells what is new.
    ///
    /// @param whole whether nothing more is to be waited for
    void bring(Ledger ledger, boolean whole) {
        step = Math.min(step, ledger.step());                    // the run has gone back
        sampled = Math.min(sampled, ledger.step());
        for (Ledger.Row row : ledger.rows()) {
            if (row.step() <= step) {
                continue;
            }
            if (!whole && ledger.look() != null && ledger.look().step() <= row.step()) {
                break;
            }
            step = row.step();
            to.stepped(new RunListener.Stepped(StepResult.of(row.result()), row.seconds(), row.weights(), new DigestChain(row.chain()), evaluation(row)));
        }
        samples(ledger);
    }

    private static Optional<Evaluation> evaluation(Ledger.Row row) {
        return row.evaluation().isEmpty() ? Optional.empty() : Optional.of(Checkpoints.evaluation(JsonMapper.shared().readTree(row.evaluation())));
    }

    private void samples(Ledger ledger) {
        if (ledger.seen().isEmpty()) {
            return;
        }
        JsonNode seen = JsonMapper.shared().readTree(ledger.seen());
        long of = seen.path("step").asLong();
        if (of > sampled && of <= ledger.step()) {
            sampled = of;
            StreamSupport.stream(seen.path("samples").spliterator(), false).forEach(sample -> to.sampled(of, sample.path("prompt").asString(), sample.path("text").asString()));
        }
    }

    /// The newest step that was told.
    long step() {
        return step;
    }
}
