package dev.xiaolu.prompt;

import dev.xiaolu.platform.InputException;
import dev.xiaolu.store.Json;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Takes apart what a model writes, piece by piece as it comes: reasoning, answer, tool calls. Where the text is cut into pieces changes nothing in the [Completion].
///
/// The form is strict, as models were taught it: reasoning ends with `</think>`, calls stand in one block behind the answer, nothing follows the block. What is
/// malformed is told with its place, and what stood before it is kept. One completion, one thread; the time is linear in the text.
public final class CompletionParser {
    /// Takes reasoning, answer and calls as soon as they are certain.
    public interface Listener {
        /// Another piece of the reasoning.
        default void reasoning(String piece) {}

        /// Another piece of the answer.
        default void content(String piece) {}

        /// A whole call.
        default void toolCall(ToolCall call) {}
    }

    /// What is being read, up to one of the texts that end it.
    private enum Section {
        REASONING(Marker.THOUGHT, Marker.CALLS), CONTENT(Marker.CALLS), CALLS(Marker.INVOKE, Marker.CALLS_END), NAME(Marker.PARAMETER, Marker.INVOKE_END), PARAMETER(Marker.PARAMETER_END),
        BETWEEN(Marker.PARAMETER, Marker.INVOKE_END), BEHIND(), ENDED(), FAULTY();

        private final List<String> stops;

        Section(String... stops) {
            var all = new ArrayList<>(List.of(stops));
            all.add(Marker.END);                                     // ends the turn wherever it stands
            this.stops = List.copyOf(all);
        }
    }

    private static final Pattern NAME = Pattern.compile("\\s*name=\"(.*)\">\n\n?", Pattern.DOTALL);
    private static final Pattern PARAMETER = Pattern.compile(" name=\"(.*?)\" string=\"(true|false)\">(.*)", Pattern.DOTALL);
    private static final List<String> FOREIGN = List.of(Marker.BEGIN, Marker.THINK, Marker.THOUGHT, Marker.DSML);

    private final Listener listener;
    private final StringBuilder text = new StringBuilder();
    private Section section;
    private int begin;                                               // of the section
    private int told;                                                // up to where the listener knows it
    private int searched;                                            // up to where no stop begins
    private String reasoning = "";
    private String content = "";
    private String name = "";
    private final List<ToolCall.Parameter> parameters = new ArrayList<>();
    private final List<ToolCall> calls = new ArrayList<>();
    private boolean ended;
    private Optional<Completion.Fault> fault = Optional.empty();
    private int rest;

    /// A parser of what comes behind `<think>`, or behind `</think>` where the model does not reason.
    public CompletionParser(Thinking thinking, Listener listener) {
        this.listener = listener;
        section = thinking.on() ? Section.REASONING : Section.CONTENT;
    }

    /// Takes apart a whole text.
    public static Completion parse(String text, Thinking thinking) {
        var parser = new CompletionParser(thinking, new Listener() {});
        parser.accept(text);
        return parser.finish(false);
    }

    /// Takes the next piece.
    public void accept(String piece) {
        text.append(piece);
        while (step()) { }
    }

    /// The completion; `ended` tells that the model ended its turn with a token that is no part of the text.
    public Completion finish(boolean ended) {
        if (ended && !this.ended) {
            accept(Marker.END);
        }
        switch (section) {
            case REASONING, CONTENT -> {
                tell(text.length());
                closeText(text.length());
            }
            case CALLS, NAME, PARAMETER, BETWEEN -> fault(text.length(), "the text stops %s, wanted %s".formatted(place(), words(section)));
            case BEHIND -> closeBehind(text.length());
            case ENDED, FAULTY -> { }
        }
        if (section == Section.ENDED && text.length() > begin) {
            fault(begin, "text behind the end of the turn, wanted none");
        }
        int end = text.length() - (fault.isPresent() && text.toString().endsWith(Marker.END) ? Marker.END.length() : 0);
        return new Completion(reasoning, content, calls, this.ended, fault, fault.isPresent() ? text.substring(Math.min(rest, end), end) : "");
    }

    /// Reads up to the next stop; whether there was one.
    private boolean step() {
        if (section == Section.ENDED) {
            return false;
        }
        int at = -1;
        String stop = "";
        for (String each : section.stops) {
            int found = text.indexOf(each, searched);
            if (found >= 0 && (at < 0 || found < at)) {
                at = found;
                stop = each;
            }
        }
        if (at < 0) {
            searched = Math.max(searched, text.length() - held());
            tell(searched);
            return false;
        }
        tell(at);
        close(at, stop);
        begin = at + stop.length();
        told = begin;
        searched = begin;
        return true;
    }

    /// Characters at the end that may be the beginning of a stop.
    private int held() {
        int most = 0;
        for (String stop : section.stops) {
            for (int length = Math.min(stop.length() - 1, text.length() - begin); length > most; length--) {
                if (endsWithStartOf(stop, length)) {
                    most = length;
                }
            }
        }
        return most;
    }

    private boolean endsWithStartOf(String stop, int length) {
        int from = text.length() - length;
        for (int i = 0; i < length; i++) {
            if (text.charAt(from + i) != stop.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    private void tell(int end) {
        if (end > told && (section == Section.REASONING || section == Section.CONTENT)) {
            String piece = text.substring(told, end);
            told = end;
            if (section == Section.REASONING) {
                listener.reasoning(piece);
            } else {
                listener.content(piece);
            }
        }
    }

    /// Ends the section at a stop and says what follows.
    private void close(int at, String stop) {
        boolean end = stop.equals(Marker.END);
        ended |= end;
        switch (section) {
            case REASONING -> {
                closeText(at);
                if (!stop.equals(Marker.THOUGHT)) {
                    fault(at, "%s inside the reasoning, wanted </think> before it".formatted(end ? "the end of the turn" : "a block of tool calls"));
                }
                next(Section.CONTENT);
            }
            case CONTENT -> {
                closeText(at);
                next(end ? Section.ENDED : Section.CALLS);
            }
            case CALLS, NAME, PARAMETER, BETWEEN -> {
                if (end) {
                    fault(at, "the turn ends %s, wanted %s".formatted(place(), words(section)));
                } else {
                    closeMarkup(at, stop);
                }
            }
            case BEHIND -> {
                closeBehind(at);
                next(Section.ENDED);
            }
            case ENDED, FAULTY -> { }
        }
    }

    /// Where nothing was wrong: goes on with `following`.
    private void next(Section following) {
        if (section != Section.FAULTY) {
            section = following;
        }
    }

    private void closeText(int at) {
        String whole = text.substring(begin, at);
        if (section == Section.REASONING) {
            reasoning = whole;
        } else {
            content = whole;
        }
        for (String foreign : FOREIGN) {
            if (whole.contains(foreign)) {
                fault(begin + whole.indexOf(foreign), "%s inside the %s, wanted text%s".formatted(foreign, section == Section.REASONING ? "reasoning" : "answer",
                        foreign.equals(Marker.DSML) ? "; a block of tool calls begins behind an empty line" : ""));
                return;
            }
        }
    }

    private void closeBehind(int at) {
        if (at > begin) {
            fault(begin, "text behind the block of tool calls, wanted the end of the turn");
        }
    }

    private void closeMarkup(int at, String stop) {
        String inside = text.substring(begin, at);
        switch (section) {
            case CALLS -> {
                if (!inside.equals(">\n")) {
                    fault(begin, "%s %s, wanted '>', a line end and %s".formatted(shown(inside), place(), words(section)));
                } else {
                    next(stop.equals(Marker.INVOKE) ? Section.NAME : Section.BEHIND);
                }
            }
            case NAME -> {
                Matcher found = NAME.matcher(inside);
                if (!found.matches() || inside.endsWith("\n\n") && stop.equals(Marker.PARAMETER)) {
                    fault(begin, "%s %s, wanted ' name=\"…\">' and a line end".formatted(shown(inside), place()));
                    return;
                }
                name = found.group(1);
                parameters.clear();
                next(stop);
            }
            case PARAMETER -> {
                Matcher found = PARAMETER.matcher(inside);
                if (!found.matches()) {
                    fault(begin, "%s %s, wanted ' name=\"…\" string=\"true|false\">' and the value".formatted(shown(inside), place()));
                    return;
                }
                parameter(begin + found.start(3), new ToolCall.Parameter(found.group(1), found.group(2).equals("true"), found.group(3)));
                next(Section.BETWEEN);
            }
            case BETWEEN -> {
                if (!inside.equals(">\n")) {
                    fault(begin, "%s %s, wanted '>', a line end and %s".formatted(shown(inside), place(), words(section)));
                } else {
                    next(stop);
                }
            }
            default -> throw new AssertionError(section);
        }
    }

    /// Behind a call's name or a parameter: another parameter, or the end of the call.
    private void next(String stop) {
        if (stop.equals(Marker.PARAMETER)) {
            next(Section.PARAMETER);
            return;
        }
        ToolCall call = ToolCall.of(name, parameters);
        calls.add(call);
        listener.toolCall(call);
        next(Section.CALLS);
    }

    private void parameter(int at, ToolCall.Parameter parameter) {
        if (parameters.stream().anyMatch(other -> other.name().equals(parameter.name()))) {
            fault(at, "the parameter '%s' of call %d, '%s', is there twice, wanted once".formatted(parameter.name(), calls.size() + 1, name));
        } else if (!parameter.string() && !isJson(parameter.value())) {
            fault(at, "the parameter '%s' of call %d, '%s', is %s, wanted JSON, as string=\"false\" says".formatted(parameter.name(), calls.size() + 1, name, shown(parameter.value())));
        } else {
            parameters.add(parameter);
        }
    }

    private static boolean isJson(String value) {
        try {                                                        // inside an object of our own, so that nothing stands behind the value
            return Json.readObject("value", ("{\"value\": " + value + "}").getBytes(StandardCharsets.UTF_8)).size() == 1;
        } catch (InputException none) {
            return false;
        }
    }

    private void fault(int at, String what) {
        if (fault.isPresent()) {
            return;
        }
        String before = text.substring(0, at);
        int line = 1 + (int) before.chars().filter(c -> c == '\n').count();
        fault = Optional.of(new Completion.Fault(at, line, at - before.lastIndexOf('\n'), what));
        rest = at;
        section = Section.FAULTY;
    }

    private String place() {
        return switch (section) {
            case CALLS -> calls.isEmpty() ? "behind the start of the block of tool calls" : "behind call %d, '%s'".formatted(calls.size(), calls.getLast().name());
            case NAME -> "in the tag of call %d".formatted(calls.size() + 1);
            case PARAMETER -> "in parameter %d of call %d, '%s'".formatted(parameters.size() + 1, calls.size() + 1, name);
            case BETWEEN -> "behind parameter '%s' of call %d, '%s'".formatted(parameters.getLast().name(), calls.size() + 1, name);
            default -> "here";
        };
    }

    private static String words(Section section) {
        return switch (section) {
            case CALLS -> "a call or " + Marker.CALLS_END;
            case PARAMETER -> Marker.PARAMETER_END + ">";
            default -> "a parameter or " + Marker.INVOKE_END + ">";
        };
    }

    private static String shown(String found) {
        String cut = found.length() > 60 ? found.substring(0, 60) + "…" : found;
        return "'" + cut.replace("\n", "\\n") + "'";
    }
}
