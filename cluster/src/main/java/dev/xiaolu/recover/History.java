package dev.xiaolu.recover;

import java.util.ArrayList;
import java.util.List;

/// What has happened in a run: events, and the actions that followed from each.
///
/// @param turns in order
public record History(List<Turn> turns) {
    public History {
        turns = List.copyOf(turns);
    }

    /// One event and its actions.
    public record Turn(Event event, List<Action> actions) {
        public Turn {
            actions = List.copyOf(actions);
        }

        /// The event at the margin, its actions below, each with two spaces before it.
        public List<String> lines() {
            var lines = new ArrayList<>(List.of(Lines.of(event)));
            actions.forEach(action -> lines.add("  " + Lines.of(action)));
            return lines;
        }
    }

    /// The whole as lines.
    public List<String> lines() {
        return turns.stream().flatMap(turn -> turn.lines().stream()).toList();
    }

    /// Reads what [#lines] has written.
    public static History parse(List<String> lines) {
        var turns = new ArrayList<Turn>();
        var actions = new ArrayList<Action>();
        Event event = null;
        for (String line : lines) {
            if (line.startsWith("  ")) {
                if (event == null) {
                    throw new IllegalArgumentException("history: begins with the action \"%s\", wanted an event".formatted(line.strip()));
                }
                actions.add(Lines.action(line.substring(2)));
                continue;
            }
            if (event != null) {
                turns.add(new Turn(event, actions));
            }
            event = Lines.event(line);
            actions.clear();
        }
        if (event != null) {
            turns.add(new Turn(event, actions));
        }
        return new History(turns);
    }

    /// Runs the events anew; the same settings give the same history.
    public static History replay(Control control, List<Event> events) {
        var turns = new ArrayList<Turn>();
        State state = control.start();
        for (Event event : events) {
            Next next = control.next(state, event);
            turns.add(new Turn(event, next.actions()));
            state = next.state();
        }
        return new History(turns);
    }
}
