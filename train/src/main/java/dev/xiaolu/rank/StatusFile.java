package dev.xiaolu.rank;

import dev.xiaolu.recover.Member;
import dev.xiaolu.recover.State;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SortedMap;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// `launch/status.json` in the folder of a run: how it stands now, written anew twice a second while it goes on. Decides nothing, so a disk that refuses is no matter. One thread at a time.
final class StatusFile {
    static final String FILE = "launch/status.json";

    private static final long EVERY_MILLIS = 500;

    private final Path file;
    private long written;
    private ObjectNode newest;

    StatusFile(Path folder) {
        file = folder.resolve(FILE);
    }

    void write(State state, SortedMap<Long, Coordinator.Pulse> pulses, long steps, double goodput, List<Incident> incidents, LocalWorkers workers) {
        long now = Coordinator.nowMillis();
        if (now - written < EVERY_MILLIS) {
            return;
        }
        written = now;
        ObjectNode out = JsonMapper.shared().createObjectNode();
        out.put("state", state.getClass().getSimpleName().toLowerCase(Locale.ROOT)).put("step", state.run().committed()).put("steps", steps).put("generation", state.run().generation());
        out.put("checkpoint", state.run().durable()).put("faults", incidents.size()).put("process", ProcessHandle.current().pid()).put("wall_millis", System.currentTimeMillis());
        if (!Double.isNaN(goodput)) {
            out.put("goodput", Math.round(goodput * 1e4) / 1e4);
        }
        ArrayNode ranks = out.putArray("ranks");
        Set<Long> awaited = state.awaited();
        for (Member member : state.run().members()) {
            rank(ranks, member, awaited.contains(member.id()) ? "working" : "waiting", state, pulses, now, workers);
        }
        for (Member member : state.run().candidates()) {
            rank(ranks, member, "joining", state, pulses, now, workers);
        }
        ArrayNode faults = out.putArray("incidents");
        for (Incident incident : incidents.subList(Math.max(0, incidents.size() - 20), incidents.size())) {
            ObjectNode one = faults.addObject().put("pid", incident.pid()).put("step", incident.step()).put("why", incident.why()).put("seconds_ago", (System.nanoTime() - incident.lostNanos()) / 1_000_000_000L);
            if (incident.goesNanos() > 0) {
                one.put("recovered_millis", (incident.goesNanos() - incident.lostNanos()) / 1_000_000);
            }
        }
        newest = out;
        put();
    }

    private static void rank(ArrayNode ranks, Member member, String doing, State state, SortedMap<Long, Coordinator.Pulse> pulses, long now, LocalWorkers workers) {
        ObjectNode rank = ranks.addObject().put("index", workers.number(member.pid())).put("pid", member.pid()).put("id", "%016x".formatted(member.id())).put("state", doing)
                .put("last_step", doing.equals("joining") ? -1 : state.run().committed()).put("host", member.host());
        Coordinator.Pulse pulse = pulses.get(member.id());
        if (pulse != null) {
            rank.put("millis_since_beat", now - pulse.beatMillis()).put("seconds_per_leaf", pulse.nanosPerLeaf() * 1e-9);
        }
    }

    /// The run is over.
    void over() {
        if (newest != null) {
            newest.put("state", "over");
            newest.putArray("ranks");
            put();
        }
    }

    private void put() {
        try {
            Path fresh = file.resolveSibling(".status.json.new");
            Files.writeString(fresh, JsonMapper.shared().writeValueAsString(newest));
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException _) {
            // the next one may come through
        }
    }
}
