package dev.xiaolu.consensus;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.xiaolu.recover.Event;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Replicas that are cut off, healed, killed and replaced as a seed has it, while all append.
@Timeout(600)
class DisturbedLogTest {
    static LongStream seeds() {
        Long chosen = Long.getLong("xiaolu.test.seed");
        var fresh = new Random();
        int more = Integer.getInteger("xiaolu.test.seeds", 1);
        return chosen != null ? LongStream.of(chosen) : LongStream.concat(LongStream.of(1), LongStream.generate(fresh::nextLong).limit(more));
    }

    @ParameterizedTest @MethodSource("seeds") void everyLivingReplicaEndsWithAllThatLivingOnesAppended(long seed) throws Exception {
        var random = new Random(seed);
        var appended = new HashMap<Long, Integer>();
        var done = new ArrayList<String>();
        int snapshotEvery = 1 + random.nextInt(200);
        try (var trio = new Trio<>(_ -> new Recorder(), options -> options.withPatience(Duration.ofMillis(20), Duration.ofMillis(160)).withSnapshotEvery(snapshotEvery))) {
            Trio<Recorder>.One cut = null;
            for (int turn = 0; turn < 20; turn++) {
                List<Trio<Recorder>.One> living = trio.living();
                for (var one : living) {
                    int count = random.nextInt(30), from = appended.merge(one.id, count, Integer::sum) - count;
                    for (int i = from; i < from + count; i++) {
                        one.log.append(Trio.event(i, "at " + one.id));
                    }
                }
                Thread.sleep(random.nextInt(200));
                switch (random.nextInt(6)) {
                    case 0, 1, 2 -> {
                        if (cut != null) {
                            done.add("heal " + cut.id);
                            trio.cutOff(cut, false);
                            cut = null;
                        } else {
                            cut = living.get(random.nextInt(living.size()));
                            done.add("cut off " + cut.id);
                            trio.cutOff(cut, true);
                        }
                    }
                    case 3 -> {
                        if (cut == null) {
                            exchange(trio, living.get(random.nextInt(living.size())), done);
                        }
                    }
                    default -> { }
                }
            }
            if (cut != null) {
                trio.cutOff(cut, false);
            }
            for (var one : trio.living()) {
                for (var from : trio.living()) {
                    int wanted = appended.getOrDefault(from.id, 0);
                    Trio.await("seed %d: %d has %d of %d events of %d after %s".formatted(seed, one.id, count(one, from), wanted, from.id, done), () -> count(one, from) == wanted);
                }
            }
            Trio.assertOneOrder(trio);
            Map<Long, Integer> next = new HashMap<>();
            for (Recorder.Applied each : trio.living().getFirst().listener.applied()) {
                Event.Lost event = (Event.Lost) each.event();
                long origin = Long.parseLong(event.why().substring(3));
                assertEquals(next.merge(origin, 1, Integer::sum) - 1, event.id(), "order of " + origin);
            }
        } catch (AssertionError | RuntimeException failed) {
            throw new AssertionError("seed " + seed + ": " + failed.getMessage(), failed);
        }
    }

    private static long count(Trio<Recorder>.One one, Trio<Recorder>.One from) {
        return one.listener.count(event -> event instanceof Event.Lost lost && lost.why().equals("at " + from.id));
    }

    /// Kills one and lets another take its place, whoever leads by then.
    private static void exchange(Trio<Recorder> trio, Trio<Recorder>.One gone, List<String> done) throws Exception {
        gone.kill();
        var fresh = trio.join();
        done.add("kill " + gone.id + ", " + fresh.id + " comes");
        trio.replace(gone, fresh);
    }
}
