package dev.xiaolu.consensus;

import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Control;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Lines;
import dev.xiaolu.recover.Next;
import dev.xiaolu.recover.State;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// The control plane on a log: every replica takes every event through [Control], and where the log leads the actions are carried out.
///
/// Actions are numbered by the event they follow from, so an action has the same number at every replica. A leader may die before it has carried one out, or told that it has;
/// so a new one performs all again that may be open, in order and under their numbers, before anything new. Who receives orders keeps the newest number it has seen and leaves
/// aside what is not newer; then every order reaches it once and in order, however often the leader changes.
public final class Steering implements EventLog.Listener {
    /// Carries out what the control plane wants. Called one call at a time, from the log's thread; what takes long is handed over.
    public interface Platform {
        /// Something is to be done, perhaps once more.
        void perform(Numbered action);

        /// This replica leads from here on: timers are to be set by this state. What is open is performed next.
        void leading(long term, State state);

        /// Another one leads, or will.
        void following();

        /// An event has been taken in, whether this replica leads or not; for whoever watches.
        default void happened(long index, Event event, Next next) {}

        /// The log has ended by itself.
        void failed(Throwable why);
    }

    /// An action and its number.
    ///
    /// @param index the place of its event in the log
    /// @param place its place among the actions of that event, from 0
    public record Numbered(long index, int place, Action action) implements Comparable<Numbered> {
        @Override public int compareTo(Numbered other) {
            return index != other.index ? Long.compare(index, other.index) : Integer.compare(place, other.place);
        }
    }

    private final Control control;
    private final Platform platform;
    private final List<Numbered> open = new ArrayList<>();
    private State state;
    private boolean leads;

    /// Begins where nothing has happened; a replica that joins later is given what has by the others.
    public Steering(Control control, Platform platform) {
        this.control = control;
        this.platform = platform;
        this.state = control.start();
    }

    /// The state that has followed from all events so far. For the log's thread.
    public State state() {
        return state;
    }

    @Override public void applied(long index, long term, Event event) {
        Next next = control.next(state, event);
        state = next.state();
        if (next.actions().stream().anyMatch(Action.Committed.class::isInstance)) {
            open.clear();                                                // all members have staged the step, and so had every order up to that
        }
        for (int i = 0; i < next.actions().size(); i++) {
            open.add(new Numbered(index, i, next.actions().get(i)));
        }
        platform.happened(index, event, next);
        if (leads) {
            open.subList(open.size() - next.actions().size(), open.size()).forEach(platform::perform);
        }
    }

    @Override public void leading(long term) {
        leads = true;
        platform.leading(term, state);
        List.copyOf(open).forEach(platform::perform);
    }

    @Override public void following() {
        leads = false;
        platform.following();
    }

    /// The state as a line, then what is open, a line for each.
    @Override public byte[] snapshot() {
        var text = new StringBuilder(Lines.of(state)).append('\n');
        open.forEach(each -> text.append(each.index).append(' ').append(each.place).append(' ').append(Lines.of(each.action)).append('\n'));
        return text.toString().getBytes(StandardCharsets.UTF_8);
    }

    @Override public void restore(byte[] snapshot) {
        List<String> lines = new String(snapshot, StandardCharsets.UTF_8).lines().toList();
        if (lines.isEmpty()) {
            throw new IllegalArgumentException("snapshot of the control plane: is empty, wanted a state and what is open");
        }
        State read = Lines.state(lines.getFirst());
        var readOpen = new ArrayList<Numbered>();
        for (String line : lines.subList(1, lines.size())) {
            String[] parts = line.split(" ", 3);
            if (parts.length < 3) {
                throw new IllegalArgumentException("snapshot of the control plane: found \"%s\", wanted index, place and action".formatted(line));
            }
            readOpen.add(new Numbered(Long.parseLong(parts[0]), Integer.parseInt(parts[1]), Lines.action(parts[2])));
        }
        state = read;
        open.clear();
        open.addAll(readOpen);
    }

    @Override public void failed(Throwable why) {
        platform.failed(why);
    }
}
