package dev.xiaolu.rank;

import dev.xiaolu.platform.Clock;
import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.recover.Member;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;

/// Disturbs launches on purpose, in ways and at times drawn from a seed: kills and stops worker processes, spoils connections, turns over bits, fills the disk, damages checkpoints, lets clocks leap.
///
/// Thread-safe; one launch at a time.
public final class Drill {
    /// What can be done.
    public enum Fault {
        /// A worker is killed.
        KILL,
        /// A worker is stopped for good.
        STOP,
        /// A worker stands still for less than the patience of the others.
        PAUSE,
        /// A worker gets only half of its time for a while.
        SLOW,
        /// Two workers are killed at once.
        PAIR,
        /// Connections of a worker bring everything late for a while.
        DELAY,
        /// They lose bytes.
        DROP,
        /// They bring bytes twice.
        DUPLICATE,
        /// They turn over bits.
        NOISE,
        /// They break.
        CUT,
        /// Nothing passes to and from a worker, longer than the others' patience.
        PARTITION,
        /// Nothing passes to a worker, longer than the others' patience.
        ONE_WAY,
        /// A bit of a gradient is turned over at one worker, where it is computed twice.
        FLIP,
        /// The disk is full when the next checkpoint is saved.
        DISK,
        /// The wall clock of a worker, or of the launching process, leaps by up to a day, forth or back.
        CLOCK,
        /// A byte of the newest checkpoint is damaged, and then all workers are killed.
        SHARD,
        /// The worker is killed whose replica of the coordinator leads; one is made to lead first where the launching process does.
        LEADER
    }

    /// One disturbance. Times are of the process's own clock, in nanoseconds.
    ///
    /// @param pid the process that it befell, 0 where there is none of its own, -1 where nobody may be lost by it
    public record Done(Fault fault, long pid, long nanos) {}

    private static final long STANDSTILL_MILLIS = 700;
    private static final long NOBODY = -1;                       // no loss is accounted for by such a fault
    private static final long DAY_MILLIS = 86_400_000;
    private static final Set<Fault> ENDS = EnumSet.of(Fault.KILL, Fault.STOP, Fault.PARTITION, Fault.ONE_WAY, Fault.LEADER);       // whom they befall is lost

    private final List<Fault> faults;
    private final long everyMillis;
    private final long most;
    private final Draws draws;
    private final Map<Fault, Integer> counts = new EnumMap<>(Fault.class);
    private final List<Done> done = Collections.synchronizedList(new ArrayList<>());
    private final List<Incident> incidents = new ArrayList<>();

    /// Faults of these kinds, one about every so many milliseconds, and no more than `most` to each launch: on a machine too slow to replace workers as fast as they are lost, a run would never end.
    public Drill(Set<Fault> faults, long everyMillis, long most, long seed) {
        this.most = most;
        this.faults = List.copyOf(faults);
        this.everyMillis = everyMillis;
        draws = new Draws(RandomKey.ofSeed(seed).at("drill"));
    }

    /// Disturbs a launch of a run in `folder` until it is over, on a thread of its own.
    public void disturb(Disturbance launch, Path folder) {
        Thread.ofPlatform().daemon().name("xiaolu-drill").start(() -> {
            try {
                int turn = 0;
                while (!launch.isOver() && turn < most) {
                    Thread.sleep(everyMillis / 2 + draws.below(everyMillis));
                    if (launch.committed() < 1 || launch.isOver()) {
                        continue;                                // what has not begun need not be disturbed: a start is repeated by hand
                    }
                    Fault fault = turn < faults.size() ? faults.get(turn) : faults.get((int) draws.below(faults.size()));
                    if (strike(fault, launch, folder)) {
                        turn++;
                        counts.merge(fault, 1, Integer::sum);
                    }
                }
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
        });
    }

    private boolean strike(Fault fault, Disturbance launch, Path folder) throws InterruptedException {
        List<Member> members = launch.members();
        if (members.isEmpty()) {
            return false;
        }
        if (ENDS.contains(fault) && !launch.isWhole()) {
            return false;
        }
        Member one = members.get((int) draws.below(members.size()));
        switch (fault) {
            case KILL -> kill(fault, one);
            case STOP -> signal(fault, one, "STOP");
            case PAUSE -> {
                signal(fault, one, "STOP");
                Thread.sleep(STANDSTILL_MILLIS);
                signal(null, one, "CONT");
            }
            case SLOW -> {
                done.add(new Done(fault, one.pid(), Clock.real().nanos()));
                for (int i = 0; i < 40; i++) {
                    signal(null, one, "STOP");
                    Thread.sleep(50);
                    signal(null, one, "CONT");
                    Thread.sleep(50);
                }
            }
            case PAIR -> {
                if (members.size() < 3) {
                    return false;
                }
                kill(fault, one);
                kill(fault, members.get((members.indexOf(one) + 1) % members.size()));
            }
            case DELAY, DROP, DUPLICATE, NOISE, CUT, PARTITION, ONE_WAY -> {
                boolean longer = fault == Fault.PARTITION || fault == Fault.ONE_WAY;
                done.add(new Done(fault, one.pid(), Clock.real().nanos()));
                launch.weather(one, RoughLink.Weather.valueOf(fault == Fault.NOISE ? "FLIP" : fault.name()), longer ? 6000 : 1000);
            }
            case FLIP -> {
                if (members.size() < 3) {
                    return false;                                // with two nobody can say who errs
                }
                done.add(new Done(fault, one.pid(), Clock.real().nanos()));
                launch.flip(one.id(), draws.below(1L << 40));
            }
            case DISK -> {
                if (members.size() < 2) {
                    return false;                                // else the last checkpoint might be the one that is missed
                }
                done.add(new Done(fault, 0, Clock.real().nanos()));
                launch.fill(members.getFirst().id(), 1);
            }
            case CLOCK -> {
                done.add(new Done(fault, NOBODY, Clock.real().nanos()));
                long millis = draws.below(2 * DAY_MILLIS) - DAY_MILLIS;
                if (draws.below(members.size() + 1L) == 0) {
                    Clock.leap(millis);
                } else {
                    launch.leap(one.id(), millis);
                }
            }
            case LEADER -> {
                Optional<Member> leader = launch.leader();
                if (leader.isEmpty()) {
                    return false;
                }
                kill(fault, leader.get());
            }
            case SHARD -> {
                if (!damage(folder)) {
                    return false;
                }
                members.forEach(member -> kill(fault, member));
            }
        }
        return true;
    }

    private void kill(Fault fault, Member member) {
        done.add(new Done(fault, member.pid(), Clock.real().nanos()));
        ProcessHandle.of(member.pid()).ifPresent(process -> {
            process.destroyForcibly();
            process.onExit().completeOnTimeout(process, 1, TimeUnit.SECONDS).join();
        });
    }

    private void signal(Fault fault, Member member, String name) {
        if (fault != null) {
            done.add(new Done(fault, member.pid(), Clock.real().nanos()));
        }
        try {
            new ProcessBuilder("kill", "-" + name, Long.toString(member.pid())).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start().waitFor();
        } catch (IOException failed) {
            throw new IllegalStateException("no program 'kill' for a drill", failed);
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    /// Turns over a bit in the middle of a shard of the newest checkpoint, if there is one.
    private boolean damage(Path folder) {
        try (Stream<Path> all = Files.walk(folder.resolve("checkpoints"))) {
            Optional<Path> shard = all.filter(file -> file.getFileName().toString().matches("(model|optimizer).*\\.safetensors") && file.getParent().getFileName().toString().startsWith("step-"))
                    .max(Path::compareTo);
            if (shard.isEmpty()) {
                return false;
            }
            try (var file = new RandomAccessFile(shard.get().toFile(), "rw")) {
                long at = file.length() / 2 + draws.below(1000);
                file.seek(at);
                int old = file.read();
                file.seek(at);
                file.write(old ^ 4);
            }
            return true;
        } catch (IOException | java.io.UncheckedIOException gone) {
            return false;                                        // a newer one has taken its place
        }
    }

    /// Keeps what a launch that is over has seen.
    public void ended(Disturbance launch) {
        incidents.addAll(launch.incidents());
    }

    /// How often each fault was brought about.
    public Map<Fault, Integer> counts() {
        return new EnumMap<>(counts.isEmpty() ? new EnumMap<>(Fault.class) : counts);
    }

    public int total() {
        return counts.values().stream().mapToInt(Integer::intValue).sum();
    }

    /// Every loss of a rank.
    public List<Incident> incidents() {
        return List.copyOf(incidents);
    }

    /// Seconds from a fault of this kind until the process that it befell was given up, one for each that was.
    public List<Double> detections(Fault fault) {
        return seconds(fault, Incident::lostNanos);
    }

    /// Seconds from a fault of this kind until the others went on without the process that it befell.
    public List<Double> recoveries(Fault fault) {
        return seconds(fault, Incident::goesNanos);
    }

    private List<Double> seconds(Fault fault, ToLongFunction<Incident> until) {
        var seconds = new ArrayList<Double>();
        for (Incident incident : incidents) {
            Optional<Done> cause = List.copyOf(done).stream().filter(each -> each.pid == incident.pid() && each.nanos <= incident.lostNanos()).max(Comparator.comparingLong(Done::nanos));
            if (cause.isPresent() && cause.get().fault == fault && until.applyAsLong(incident) > 0) {
                seconds.add((until.applyAsLong(incident) - cause.get().nanos) * 1e-9);
            }
        }
        return seconds;
    }

    /// Losses that no fault accounts for: whoever was given up without a reason.
    public List<Incident> unexplained() {
        return incidents.stream().filter(incident -> done.stream().noneMatch(each -> each.pid == incident.pid() || each.pid == 0)).toList();
    }

    /// The word for a fault on the command line.
    public static String word(Fault fault) {
        return fault.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
