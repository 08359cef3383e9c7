package dev.xiaolu.recover;

import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/// Events, actions and states as lines of text that can be read back, for logs, replays and snapshots: `Ready id=3 generation=2`.
///
/// A record is its name and its components; inside others it stands in parentheses without a name. Lists are `[a b]`, sets the same in order, maps `{a=1 b=2}`, text is in quotes
/// with `\"`, `\\`, `\n`, `\r`, and what is null is `none`. Equal values give equal lines.
public final class Lines {
    private Lines() {}

    /// An event as one line.
    public static String of(Event event) {
        return event.getClass().getSimpleName() + components((Record) event);
    }

    /// An action as one line.
    public static String of(Action action) {
        return action.getClass().getSimpleName() + components((Record) action);
    }

    /// A state as one line, which may be long: all that is known of the run.
    public static String of(State state) {
        return state.getClass().getSimpleName() + components((Record) state);
    }

    /// The event that a line stands for; a line that is none is an [IllegalArgumentException] that names the place.
    public static Event event(String line) {
        return (Event) new Reader(line).named(leaves(Event.class));
    }

    /// The action that a line stands for; a line that is none is an [IllegalArgumentException] that names the place.
    public static Action action(String line) {
        return (Action) new Reader(line).named(leaves(Action.class));
    }

    /// The state that a line stands for; a line that is none is an [IllegalArgumentException] that names the place.
    public static State state(String line) {
        return (State) new Reader(line).named(leaves(State.class));
    }

    /// The records below a sealed interface, by name.
    private static Map<String, Class<?>> leaves(Class<?> sealed) {
        var leaves = new TreeMap<String, Class<?>>();
        for (Class<?> sub : sealed.getPermittedSubclasses()) {
            if (sub.isRecord()) {
                leaves.put(sub.getSimpleName(), sub);
            } else {
                leaves.putAll(leaves(sub));
            }
        }
        return leaves;
    }

    private static String components(Record value) {
        var text = new StringBuilder();
        for (RecordComponent component : value.getClass().getRecordComponents()) {
            try {
                text.append(' ').append(component.getName()).append('=').append(text(component.getAccessor().invoke(value)));
            } catch (ReflectiveOperationException impossible) {
                throw new IllegalStateException(impossible);
            }
        }
        return text.toString();
    }

    private static String text(Object value) {
        return switch (value) {
            case null -> "none";
            case String text -> "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n").replace("\r", "\\r") + "\"";
            case List<?> list -> list.stream().map(Lines::text).collect(Collectors.joining(" ", "[", "]"));
            case Set<?> set -> text(List.copyOf(new TreeSet<>(set)));
            case SortedMap<?, ?> map -> map.entrySet().stream().map(entry -> text(entry.getKey()) + "=" + text(entry.getValue())).collect(Collectors.joining(" ", "{", "}"));
            case Record inner -> "(" + components(inner).stripLeading() + ")";
            default -> value.toString();
        };
    }

    /// Reads from left to right, told by the types what comes next.
    private static final class Reader {
        private final String line;
        private int at;

        Reader(String line) {
            this.line = line;
        }

        Object named(Map<String, Class<?>> records) {
            String name = word();
            Class<?> record = records.get(name);
            if (record == null) {
                throw wanted("one of " + records.keySet());
            }
            Object value = record(record);
            if (at < line.length()) {
                throw wanted("the end");
            }
            return value;
        }

        private IllegalArgumentException wanted(String what) {
            return new IllegalArgumentException("line of a history: wanted %s at column %d of \"%s\"".formatted(what, at + 1, line));
        }

        private boolean take(char c) {
            boolean there = at < line.length() && line.charAt(at) == c;
            at += there ? 1 : 0;
            return there;
        }

        private void need(char c) {
            if (!take(c)) {
                throw wanted("'" + c + "'");
            }
        }

        private String word() {
            int from = at;
            while (at < line.length() && (Character.isLetterOrDigit(line.charAt(at)) || line.charAt(at) == '-')) {
                at++;
            }
            return line.substring(from, at);
        }

        private Object record(Class<?> type) {
            RecordComponent[] components = type.getRecordComponents();
            Object[] values = new Object[components.length];
            for (int i = 0; i < components.length; i++) {
                take(' ');
                if (!word().equals(components[i].getName())) {
                    throw wanted(components[i].getName() + "=");
                }
                need('=');
                values[i] = value(components[i].getGenericType());
            }
            try {
                return type.getConstructor(Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new)).newInstance(values);
            } catch (ReflectiveOperationException refused) {
                throw new IllegalArgumentException("line of a history: \"%s\" is refused: %s".formatted(line, refused.getCause() == null ? refused : refused.getCause().getMessage()), refused);
            }
        }

        private Object value(Type type) {
            if (type instanceof ParameterizedType many) {
                Type[] of = many.getActualTypeArguments();
                return many.getRawType() == List.class ? list(of[0]) : many.getRawType() == Set.class ? Collections.unmodifiableSortedSet(new TreeSet<>(list(of[0]))) : map(of[0], of[1]);
            }
            Class<?> one = (Class<?>) type;
            boolean isNone = line.startsWith("none", at) && (one == String.class || one.isRecord());
            if (isNone) {
                at += 4;
                return null;
            }
            if (one == String.class) {
                return string();
            }
            if (one.isRecord()) {
                need('(');
                Object value = record(one);
                need(')');
                return value;
            }
            String word = word();
            try {
                return one == boolean.class ? (Object) Boolean.valueOf(word) : one == int.class || one == Integer.class ? (Object) Integer.valueOf(word) : (Object) Long.valueOf(word);
            } catch (NumberFormatException _) {
                throw wanted("a number");
            }
        }

        private List<?> list(Type of) {
            need('[');
            var list = new ArrayList<Object>();
            while (!take(']')) {
                list.add(value(of));
                take(' ');
            }
            return List.copyOf(list);
        }

        private SortedMap<?, ?> map(Type key, Type of) {
            need('{');
            var map = new TreeMap<Object, Object>();
            while (!take('}')) {
                Object name = value(key);
                need('=');
                map.put(name, value(of));
                take(' ');
            }
            return Collections.unmodifiableSortedMap(map);
        }

        private String string() {
            need('"');
            var text = new StringBuilder();
            while (!take('"')) {
                if (at == line.length()) {
                    throw wanted("'\"'");
                }
                char c = line.charAt(at++);
                if (c == '\\') {
                    char escaped = at < line.length() ? line.charAt(at++) : '\\';
                    c = escaped == 'n' ? '\n' : escaped == 'r' ? '\r' : escaped;
                }
                text.append(c);
            }
            return text.toString();
        }
    }
}
