package dev.xiaolu.sim;

import dev.xiaolu.platform.InputException;
import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.HistoryCheck;
import dev.xiaolu.recover.Leaf;
import dev.xiaolu.recover.Lines;
import dev.xiaolu.recover.Plan;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Has [HistoryCheck] read the log of a run, simulated or real: events and actions as [Lines], line by line.
///
/// How many leaves a step has is told by the caller, else by the first line of a simulated run, else by what ranks were asked for.
public final class LogCheck {
    /// Lines that begin with it say nothing about the run.
    static final String COMMENT = "#";

    private static final Pattern LEAVES = Pattern.compile(".* --leaves (\\d+) .*");

    private final Path file;
    private final Map<Long, Integer> asked = new HashMap<>();            // step: one more than the highest leaf that was asked for or told
    private final List<Turn> early = new ArrayList<>();                  // before the first layout, which tells the step that the run begins with
    private final List<Action> actions = new ArrayList<>();
    private OptionalInt leaves;
    private HistoryCheck check;
    private Event event;
    private long turns, generations, lost, rewinds, committed;
    private String end = "";

    private record Turn(Event event, List<Action> actions) {}

    /// What was found in a log.
    ///
    /// @param turns how many events it has
    /// @param generations how many layouts
    /// @param lost how many ranks were given up
    /// @param rewinds how often steps were undone
    /// @param committed the last step that counts
    /// @param end how the run ended; empty where the log has no end
    /// @param leaves how many leaves a step has, and who says so
    /// @param torn whether the last line was not whole, and was left out
    /// @param faults the invariants that are broken, none if all is well
    public record Found(long turns, long generations, long lost, long rewinds, long committed, String end, String leaves, boolean torn, List<String> faults) {
        public Found {
            faults = List.copyOf(faults);
        }
    }

    private LogCheck(Path file, OptionalInt leaves) {
        this.file = file;
        this.leaves = leaves;
    }

    /// Reads a log to its end. A line that is none is an [InputException] with its number, except the last one, which a run that was killed may have torn.
    public static Found check(Path file, OptionalInt leaves) {
        return new LogCheck(file, leaves).read();
    }

    private Found read() {
        boolean told = leaves.isPresent(), torn = false;
        try (BufferedReader reader = Files.newBufferedReader(file)) {
            long number = 0;
            for (String line = reader.readLine(), next; line != null; line = next) {
                next = reader.readLine();
                number++;
                try {
                    line(line);
                } catch (IllegalArgumentException broken) {
                    if (next != null || number == 1) {
                        throw InputException.of("%s, line %d: wanted an event or, indented, an action of a history, found something else: %s", file, number, broken.getMessage());
                    }
                    torn = true;
                }
            }
        } catch (NoSuchFileException missing) {
            throw InputException.of("%s: wanted the log of a run, found no such file", file);
        } catch (MalformedInputException binary) {
            throw InputException.of("%s: wanted the log of a run, found bytes that are no UTF-8 text", file);
        } catch (IOException | UncheckedIOException unreadable) {
            throw InputException.of("%s: cannot read: %s", file, unreadable.getMessage());
        }
        turn();
        if (turns == 0) {
            throw InputException.of("%s: wanted the log of a run, found no event in it", file);
        }
        if (check == null) {
            begin(0);
        }
        String by = leaves.isEmpty() ? "as many as ranks were asked for" : "%d, as %s says".formatted(leaves.getAsInt(), told ? "--leaves" : "the first line");
        return new Found(turns, generations, lost, rewinds, committed, end, by, torn, check.faults());
    }

    private void line(String line) {
        if (line.startsWith(COMMENT) || line.isBlank()) {
            Matcher head = LEAVES.matcher(line);
            leaves = leaves.isEmpty() && head.matches() ? OptionalInt.of(Integer.parseInt(head.group(1))) : leaves;
        } else if (line.startsWith("  ")) {
            if (event == null) {
                throw new IllegalArgumentException("an action before the first event");
            }
            actions.add(Lines.action(line.substring(2)));
        } else {
            Event next = Lines.event(line);
            turn();
            event = next;
        }
    }

    /// The event and the actions below it are complete.
    private void turn() {
        if (event == null) {
            return;
        }
        turns++;
        if (event instanceof Event.Computed(_, _, long step, List<Leaf> told)) {
            told.forEach(leaf -> asked.merge(step, leaf.index() + 1, Math::max));
        }
        actions.forEach(this::count);
        if (check == null) {
            early.add(new Turn(event, List.copyOf(actions)));
            actions.stream().filter(Action.Layout.class::isInstance).findFirst().ifPresent(layout -> begin(((Action.Layout) layout).committed()));
        } else {
            check.see(event, List.copyOf(actions));
        }
        event = null;
        actions.clear();
    }

    private void count(Action action) {
        switch (action) {
            case Action.Compute compute -> compute.leaves().forEach(leaf -> asked.merge(compute.step(), leaf + 1, Math::max));
            case Action.Layout layout -> {
                generations++;
                committed = generations == 1 ? layout.committed() : committed;
            }
            case Action.Committed(long step, _, _) -> committed = step;
            case Action.Rewound(_, long step, _) -> {
                rewinds++;
                committed = step;
            }
            case Action.Fence _ -> lost++;
            case Action.Ended(_, _, String why) -> end = why;
            case Action.Failed(String why) -> end = "failed: " + why;
            default -> { }
        }
    }

    private void begin(long from) {
        check = new HistoryCheck(new Plan() {
            @Override public int leavesOf(long step) {
                return leaves.orElseGet(() -> asked.getOrDefault(step, 0));
            }

            @Override public long lastStep() {
                return Long.MAX_VALUE;
            }

            @Override public boolean isCheckpointStep(long step) {
                return false;
            }
        }, from);
        early.forEach(turn -> check.see(turn.event, turn.actions));
        early.clear();
    }
}
