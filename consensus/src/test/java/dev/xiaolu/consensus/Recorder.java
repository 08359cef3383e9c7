package dev.xiaolu.consensus;

import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Lines;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/// A listener that keeps what it was told, and whose snapshot is just that.
final class Recorder implements EventLog.Listener {
    record Applied(long index, long term, Event event) {}

    /// How many events it takes before it breaks.
    private final int strength;
    private final List<Applied> applied = new ArrayList<>();
    private final List<Long> led = new ArrayList<>();
    private final List<Throwable> failures = new ArrayList<>();
    private boolean leads;
    private int restores, snapshots;

    Recorder() {
        this(Integer.MAX_VALUE);
    }

    Recorder(int strength) {
        this.strength = strength;
    }

    @Override public synchronized void applied(long index, long term, Event event) {
        if (applied.size() == strength) {
            throw new IllegalStateException("enough of it");
        }
        applied.add(new Applied(index, term, event));
    }

    @Override public synchronized void leading(long term) {
        led.add(term);
        leads = true;
    }

    @Override public synchronized void following() {
        leads = false;
    }

    @Override public synchronized byte[] snapshot() {
        snapshots++;
        return applied.stream().map(each -> each.index + " " + each.term + " " + Lines.of(each.event) + "\n").collect(Collectors.joining()).getBytes(StandardCharsets.UTF_8);
    }

    @Override public synchronized void restore(byte[] snapshot) {
        restores++;
        applied.clear();
        new String(snapshot, StandardCharsets.UTF_8).lines().map(line -> line.split(" ", 3))
                .forEach(parts -> applied.add(new Applied(Long.parseLong(parts[0]), Long.parseLong(parts[1]), Lines.event(parts[2]))));
    }

    @Override public synchronized void failed(Throwable why) {
        failures.add(why);
    }

    synchronized List<Applied> applied() {
        return List.copyOf(applied);
    }

    synchronized long count(Predicate<Event> which) {
        return applied.stream().filter(each -> which.test(each.event)).count();
    }

    synchronized List<Long> led() {
        return List.copyOf(led);
    }

    synchronized boolean leads() {
        return leads;
    }

    synchronized int restores() {
        return restores;
    }

    synchronized int snapshots() {
        return snapshots;
    }

    synchronized List<Throwable> failures() {
        return List.copyOf(failures);
    }
}
