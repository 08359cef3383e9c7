package dev.xiaolu.consensus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.comm.Message;
import dev.xiaolu.comm.RunKey;
import dev.xiaolu.comm.TransportException;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Lines;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// Three JVMs, of which the leader is killed or stopped by signals.
@Timeout(600)
@DisabledOnOs(OS.WINDOWS)                                                // has no such signals
class ThreeProcessesTest {
    private static final String HOST = "127.0.0.1";

    @TempDir Path folder;

    /// One replica; takes the file of the key and its id, and prints its port. Then it does what it reads, a line each, and prints what its log tells.
    static final class ReplicaProcess implements Endpoint.Receiver, EventLog.Listener {
        private final List<String> lines = new ArrayList<>();
        private volatile ReplicatedLog log;

        public static void main(String[] arguments) throws Exception {
            long id = Long.parseLong(arguments[1]);
            var self = new ReplicaProcess();
            Endpoint endpoint = Endpoint.open(HOST, 0, id, RunKey.read(Path.of(arguments[0])), self);
            System.out.println("port " + endpoint.port());
            var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            for (String line; (line = in.readLine()) != null;) {
                String[] words = line.split(" ");
                switch (words[0]) {
                    case "open" -> {
                        List<Replica> members = Arrays.stream(words).skip(1).map(word -> word.split(":")).map(word -> new Replica(Long.parseLong(word[0]), HOST, Integer.parseInt(word[1]))).toList();
                        self.log = ReplicatedLog.open(ReplicatedLog.Options.of(new Replica(id, HOST, endpoint.port()), members).withSnapshotEvery(100), endpoint, self);
                    }
                    case "append" -> {
                        for (int i = Integer.parseInt(words[1]); i < Integer.parseInt(words[2]); i++) {
                            self.log.append(new Event.Lost(i, "at " + id));
                        }
                    }
                    case "replace" -> self.log.replace(Long.parseLong(words[1]), new Replica(Long.parseLong(words[2]), HOST, Integer.parseInt(words[3])))
                            .whenComplete((_, failed) -> System.out.println(failed == null ? "replaced " + words[1] : "not replaced " + failed));
                    default -> System.out.println("status " + self.log + " with " + self.log.members(false) + ", voting " + self.log.members(true));
                }
            }
        }

        @Override public void received(long from, Message message) {
            ReplicatedLog now = log;
            if (now != null) {
                now.received(from, message);
            }
        }

        @Override public void failed(long peer, TransportException why) {}

        private void keep(String line) {
            lines.add(line);
            System.out.println("applied " + line);
        }

        @Override public void applied(long index, long term, Event event) {
            keep(index + " " + term + " " + Lines.of(event));
        }

        @Override public void leading(long term) {
            System.out.println("leading " + term);
        }

        @Override public void following() {
            System.out.println("following");
        }

        @Override public byte[] snapshot() {
            return String.join("\n", lines).getBytes(StandardCharsets.UTF_8);
        }

        @Override public void restore(byte[] snapshot) {
            System.out.println("restored");
            lines.clear();
            new String(snapshot, StandardCharsets.UTF_8).lines().forEach(this::keep);
        }

        @Override public void failed(Throwable why) {
            System.out.println("failed " + why);
        }
    }

    /// What this process knows of one of those.
    private static final class Child {
        final long id;
        final Process process;
        final List<String> said = new ArrayList<>();
        final TreeMap<Long, String> applied = new TreeMap<>();
        final List<Long> led = new ArrayList<>();
        volatile long leadingNanos;
        volatile int port;
        boolean alive = true;

        Child(long id, Path key) throws IOException {
            this.id = id;
            process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp",
                    System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")), ReplicaProcess.class.getName(), key.toString(), Long.toString(id))
                    .redirectError(ProcessBuilder.Redirect.INHERIT).start();
            Thread.ofVirtual().start(this::listen);
        }

        private void listen() {
            try (BufferedReader printed = process.inputReader()) {
                for (String line; (line = printed.readLine()) != null;) {
                    hear(line);
                }
            } catch (IOException killed) {
                // as it shall be
            }
        }

        private synchronized void hear(String line) {
            if (line.startsWith("port ")) {
                port = Integer.parseInt(line.substring(5));
            } else if (line.startsWith("applied ")) {
                String[] parts = line.split(" ", 3);
                applied.put(Long.parseLong(parts[1]), parts[2]);
            } else if (line.startsWith("leading ")) {
                leadingNanos = System.nanoTime();
                led.add(Long.parseLong(line.substring(8)));
            } else {
                said.add(line);
            }
        }

        void tell(String line) throws IOException {
            process.outputWriter().write(line + "\n");
            process.outputWriter().flush();
        }

        synchronized boolean has(String line) {
            return said.contains(line);
        }

        synchronized int refusals() {
            return (int) said.stream().filter(line -> line.startsWith("not replaced")).count();
        }

        synchronized long count(String from) {
            return applied.values().stream().filter(line -> line.contains(from + "\"")).count();
        }

        synchronized TreeMap<Long, String> applied() {
            return new TreeMap<>(applied);
        }

        synchronized long term() {
            return led.isEmpty() ? 0 : led.getLast();
        }

        void signal(String name) throws IOException, InterruptedException {
            assertEquals(0, new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).inheritIO().start().waitFor());
        }
    }

    private final List<Child> all = new ArrayList<>();
    private String members;

    private Child start() throws IOException {
        var child = new Child(all.size() + 1, folder.resolve("key"));
        all.add(child);
        return child;
    }

    private void startThree() throws IOException {
        RunKey.random().write(folder.resolve("key"));
        for (int i = 0; i < 3; i++) {
            start();
        }
        all.forEach(child -> Trio.await("a port", () -> child.port != 0));
        members = all.stream().map(child -> child.id + ":" + child.port).collect(Collectors.joining(" "));
        for (Child child : all) {
            child.tell("open " + members);
        }
    }

    /// Who has led last, once somebody has led in a later term.
    private Child leader(long after) {
        Trio.await("a leader after term " + after, () -> all.stream().anyMatch(child -> child.alive && child.term() > after));
        return all.stream().filter(child -> child.alive).max((a, b) -> Long.compare(a.term(), b.term())).orElseThrow();
    }

    /// What all say of themselves, for whoever looks for the fault.
    private String statuses() throws Exception {
        for (Child child : all) {
            if (child.alive) {
                child.tell("status");
            }
        }
        Thread.sleep(500);
        return all.stream().map(child -> "%n%d: %d applied, said %s".formatted(child.id, child.applied().size(), child.said)).collect(Collectors.joining());
    }

    @Test void leadersThatAreKilledAreFollowedByOthersAndNoEventOfALivingOneIsLost() throws Exception {
        try {
            startThree();
            var millis = new ArrayList<Long>();
            int appended = 0;
            Child leader = leader(0);
            for (int round = 0; round < 3; round++) {
                for (Child child : all) {
                    if (child.alive) {
                        child.tell("append %d %d".formatted(appended, appended + 60));
                    }
                }
                long begin = System.nanoTime();
                leader.signal("KILL");
                leader.alive = false;
                Child fresh = start();
                Child next = leader(leader.term());
                millis.add(TimeUnit.NANOSECONDS.toMillis(next.leadingNanos - begin));
                Trio.await("a port", () -> fresh.port != 0);
                fresh.tell("open " + members);
                String replaced = "replaced " + leader.id;
                Child leads = next;
                for (int tries = 20; !leads.has(replaced); tries--) {    // asked again where another leads by now
                    Child asked = leads;
                    int refusals = asked.refusals();
                    asked.tell("replace %d %d %d".formatted(leader.id, fresh.id, fresh.port));
                    try {
                        Trio.await("not " + replaced, () -> asked.has(replaced) || asked.refusals() > refusals);
                        assertTrue(tries > 0);
                    } catch (AssertionError failed) {
                        throw new AssertionError(statuses(), failed);
                    }
                    leads = asked.has(replaced) ? asked : leader(0);
                }
                next = leads;
                assertTrue(fresh.has("restored") || fresh.applied().size() > 0);
                for (Child child : all) {
                    if (child.alive && child != fresh) {
                        child.tell("append %d %d".formatted(appended + 60, appended + 100));
                    }
                }
                appended += 100;
                fresh.tell("append 0 " + appended);
                leader = next;
            }
            System.out.println("leader killed by SIGKILL, next one leads after " + millis + " ms");
            for (Child child : all) {
                for (Child from : all) {
                    int wanted = appended;
                    if (child.alive && from.alive) {
                        Trio.await("%d has %d of the events of %d".formatted(child.id, child.count("at " + from.id), from.id), () -> child.count("at " + from.id) == wanted);
                    }
                }
            }
            assertOneOrder();
        } finally {
            all.forEach(child -> child.process.destroyForcibly());
        }
    }

    private void assertOneOrder() {
        var whole = new TreeMap<Long, String>();
        var terms = new HashSet<Long>();
        for (Child child : all) {
            child.applied().forEach((index, line) -> {
                String before = whole.putIfAbsent(index, line);
                assertTrue(before == null || before.equals(line), "index %d: %s at %d, %s before".formatted(index, line, child.id, before));
            });
            child.led.forEach(term -> assertTrue(terms.add(term), "two led in term " + term));
            assertTrue(child.said.stream().noneMatch(line -> line.startsWith("failed")), child.said.toString());
        }
        for (Child child : all) {
            if (child.alive) {
                TreeMap<Long, String> its = child.applied();
                assertEquals(whole.headMap(its.lastKey(), true), its, "a gap at " + child.id);
            }
        }
        assertEquals(whole.size(), whole.values().stream().map(line -> line.split(" ", 2)[1]).distinct().count(), "an event counts twice");
    }

    @Test void aLeaderThatStandsStillForAMomentGoesOnLeading() throws Exception {
        try {
            startThree();
            Child leader = leader(0);
            boolean went = false;
            for (int i = 0; i < 10 && !went; i++) {                      // the machine may stand still as well, and longer
                long term = leader.term();
                int number = i;
                leader.tell("append %d %d".formatted(i, i + 1));
                Child leads = leader;
                all.forEach(child -> Trio.await("the event", () -> child.count("at " + leads.id) > number || leads.term() > term));
                leader.signal("STOP");
                Thread.sleep(300);
                leader.signal("CONT");
                Thread.sleep(1200);
                went = all.stream().allMatch(child -> child.term() <= term);
                leader = leader(0);
            }
            assertTrue(went, "each pause of 300 ms made another lead");
        } finally {
            all.forEach(child -> child.process.destroyForcibly());
        }
    }
}
