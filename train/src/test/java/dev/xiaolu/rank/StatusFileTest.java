package dev.xiaolu.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.Clock;
import dev.xiaolu.recover.Member;
import dev.xiaolu.recover.Run;
import dev.xiaolu.recover.State;
import dev.xiaolu.status.RankStatus;
import dev.xiaolu.status.RunStatus;
import dev.xiaolu.status.StatusReader;
import dev.xiaolu.train.ConfigReader;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.StepPlans;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class StatusFileTest {
    private static final Member FIRST = new Member(1, "127.0.0.1", 5001, 4_000_001), SECOND = new Member(2, "127.0.0.1", 5002, 4_000_002), THIRD = new Member(3, "127.0.0.1", 5003, 4_000_003);

    @TempDir Path folder;
    private final RunConfig config = ConfigReader.words(List.of("tiny", "train.steps=9", "train.batch_sequences=4", "train.gradient_leaf_sequences=1")).config();
    private long nanos = 50_000_000_000L;
    private final Clock clock = new Clock() {
        @Override public long nanos() {
            return nanos;
        }

        @Override public long wallMillis() {
            return 1_790_000_000_000L + nanos / 1_000_000;
        }
    };

    @BeforeEach void makeTheFolder() throws Exception {
        Files.createDirectories(folder.resolve("launch"));
    }

    private StatusFile open() {
        return new StatusFile(folder, StepPlans.of(config.train()), 9, 0, clock, clock.wallMillis(), true);
    }

    private static Run run(long generation, long committed, List<Member> members, List<Member> candidates) {
        return new Run(generation, members, List.of(), candidates, Set.of(), committed, Run.NONE, null, new TreeMap<>(), List.of(), null, 0);
    }

    private JsonNode written() throws Exception {
        return JsonMapper.shared().readTree(Files.readString(folder.resolve(StatusReader.FILE)));
    }

    @Test void anOlderStatusIsReplacedBeforeAnybodyJoins() throws Exception {
        Files.writeString(folder.resolve(StatusReader.FILE), "{\"state\":\"over\"}");
        open();
        assertEquals("starting", written().path("state").asString());
        assertEquals(ProcessHandle.current().pid(), written().path("process").path("pid").asLong());
    }

    @Test void membersComersAndTheLostAreTold() throws Exception {
        StatusFile file = open();
        file.page("http://127.0.0.1:7/");
        file.joined(FIRST, 0);
        file.joined(SECOND, 1);
        nanos += 2_000_000_000L;
        var pulses = new TreeMap<Long, Coordinator.Pulse>();
        pulses.put(1L, new Coordinator.Pulse(Coordinator.nowMillis(), Coordinator.nowMillis(), 3, 250_000_000L));
        file.joined(THIRD, 1);
        var incident = new Incident(2, SECOND.pid(), "its process has ended, signal 9", 2, nanos - 700_000_000L, nanos - 500_000_000L);
        file.write(new State.Settling(run(4, 2, List.of(FIRST), List.of(THIRD)), Set.of()), pulses, 0.5, List.of(incident), Map.of());
        RunStatus status = file.newest();
        assertEquals(RunStatus.SETTLING, status.state());
        assertEquals("http://127.0.0.1:7/", status.page().orElseThrow());
        assertEquals(List.of(0, 1), status.ranks().stream().map(RankStatus::index).toList());
        assertEquals(0.25, status.ranks().getFirst().secondsPerLeaf().orElseThrow());
        assertEquals(RankStatus.JOINING, status.ranks().getLast().state());
        assertEquals(Optional.empty(), status.ranks().getLast().lastStep());
        assertEquals(0.2, status.faults().getFirst().recoveredSeconds().orElseThrow());
        assertEquals(1, status.faults().getFirst().index());
        assertEquals(clock.wallMillis() - 700, status.lives().get(1).toMillis().orElseThrow());
        assertEquals(status.json(), Files.readString(folder.resolve(StatusReader.FILE)));
    }

    @Test void ofManyLossesTheNewestAreWrittenAndAllAreCounted() throws Exception {
        StatusFile file = open();
        var incidents = LongStream.range(0, 250).mapToObj(i -> new Incident(i, i, "silent", i, nanos, nanos)).toList();
        file.write(new State.Settling(run(4, 2, List.of(FIRST), List.of()), Set.of()), new TreeMap<>(), 0.5, incidents, Map.of());
        assertEquals(250, file.newest().faults().size());
        assertEquals(250, written().path("fault_count").asInt());
        assertEquals(100, written().path("faults").size());
        assertEquals(249, written().path("faults").path(99).path("step").asInt());
    }

    @Test void leavesOfCommittedStepsMakeTheRate() {
        StatusFile file = open();
        for (long step = 0; step <= 5; step++) {
            file.write(new State.Settling(run(1, step, List.of(), List.of()), Set.of()), new TreeMap<>(), Double.NaN, List.of(), Map.of());
            nanos += 2_000_000_000L;
        }
        assertEquals(2.0, file.newest().leavesPerSecond().orElseThrow());        // 4 leaves in 2 s
        assertTrue(file.newest().goodput().isEmpty());
    }

    @Test void theEndIsToldWithThoseWhoTookPart() throws Exception {
        StatusFile file = open();
        file.joined(FIRST, 0);
        file.write(new State.Settling(run(1, 7, List.of(FIRST), List.of()), Set.of()), new TreeMap<>(), 0.9, List.of(), Map.of());
        file.over(new State.Ended(run(1, 9, List.of(), List.of()), "done"), 0.9, List.of());
        assertEquals("over", written().path("state").asString());
        assertEquals(9, written().path("ranks").path(0).path("last_step").asInt());
        file.over(new State.Ended(run(1, 8, List.of(), List.of()), "asked to"), 0.9, List.of());
        assertEquals("stopped", written().path("state").asString());
        file.over(new State.Failed(run(1, 8, List.of(), List.of()), "nobody can say who errs"), 0.9, List.of());
        assertEquals("failed", written().path("state").asString());
        assertEquals("nobody can say who errs", written().path("why").asString());
    }
}
