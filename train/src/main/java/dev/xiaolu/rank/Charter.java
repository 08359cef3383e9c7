package dev.xiaolu.rank;

import dev.xiaolu.consensus.Replica;
import dev.xiaolu.recover.Settings;
import dev.xiaolu.status.WriterProcess;
import dev.xiaolu.store.DigestChain;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.RunData;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import tools.jackson.databind.json.JsonMapper;

/// What a replica of the coordinator must be told beside the run's config, and is the same at all of them.
///
/// @param runId         names this launch of the run
/// @param founders      the replicas with which the log begins
/// @param launcher      the process that has launched the run, whose replica is the first founder
/// @param from          the step that the launch goes on from, 0 for a new run
/// @param chain         the chain of digests up to it, 64 hex digits
/// @param chains        those up to older checkpoints, by step
/// @param peak          floating-point operations a second of one process, as they were measured; NaN where unknown
/// @param startedMillis when the launch began, milliseconds since 1970
record Charter(String runId, List<Replica> founders, WriterProcess launcher, long from, String chain, SortedMap<Long, String> chains, double peak, long startedMillis) {
    Charter {
        founders = List.copyOf(founders);
        chains = new TreeMap<>(chains);
    }

    Charter withFounders(List<Replica> now) {
        return new Charter(runId, now, launcher, from, chain, chains, peak, startedMillis);
    }

    /// What the control plane is told.
    Settings settings(RunConfig config, Map<String, String> fingerprint) {
        var launch = config.launch();
        return new Settings(launch.workers(), launch.fewest(), launch.copies(), from, true, new TreeMap<>(fingerprint), RunPlan.of(config, from), launch.expertRanks() > 1);
    }

    Settings settings(RunConfig config, RunData data) {
        return settings(config, Fingerprint.of(config, data));
    }

    /// What is known before the first event.
    Ledger ledger() {
        return Ledger.of(from, new DigestChain(chain), chains);
    }

    String json() {
        return JsonMapper.shared().writeValueAsString(this);
    }

    static Charter of(String json) {
        return JsonMapper.shared().readValue(json, Charter.class);
    }
}
