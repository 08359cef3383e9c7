package dev.xiaolu.train;

import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The settings of [RunConfig] as a table, read off its records: keys, types, explanations, defaults.
public final class Settings {
    /// One setting.
    ///
    /// @param key      as in YAML and on the command line, for example `train.steps`
    /// @param help     one line of explanation
    /// @param standard the value where nobody gives one
    /// @param free     whether a resumed run may change it
    /// @param type     type of the component
    /// @param element  type of a list's elements; that of the component where it is no list
    /// @param family   the only family of models that has it; empty: all do
    public record Row(String key, String help, String standard, boolean free, Class<?> type, Class<?> element, Optional<RunConfig.Family> family) {
        /// What is wanted as a value, in words.
        public String wanted() {
            if (type == int.class || type == long.class) {
                return "a whole number";
            }
            if (type == double.class) {
                return "a number";
            }
            if (type == boolean.class) {
                return "true or false";
            }
            if (type == List.class) {
                return element == Integer.class ? "a list of whole numbers: 0,4 or [0, 4]" : element == Stage.class ? "a list of size@step: 64@0,128@200" : "a list: a,b or [\"a\", \"b\"]";
            }
            return type.isEnum() ? "one of " + choices(type) : "text";
        }

        /// Whether models of `other` have this setting.
        public boolean isOf(RunConfig.Family other) {
            return family.isEmpty() || family.get() == other;
        }
    }

    private static final Map<String, Row> ROWS = rows();

    private Settings() {}

    /// Every setting, in the order of the records.
    public static List<Row> all() {
        return List.copyOf(ROWS.values());
    }

    /// The setting of this key.
    public static Optional<Row> find(String key) {
        return Optional.ofNullable(ROWS.get(key));
    }

    /// The sections, in order.
    public static List<String> sections() {
        return Arrays.stream(RunConfig.class.getRecordComponents()).map(RecordComponent::getName).toList();
    }

    /// The key that is spelled most like `key`, where one is alike enough to be worth naming.
    public static Optional<String> nearest(String key) {
        String last = key.substring(key.lastIndexOf('.') + 1);
        Optional<String> same = ROWS.keySet().stream().filter(known -> known.endsWith("." + last)).findFirst();
        return same.isPresent() ? same : nearest(key, ROWS.keySet());
    }

    /// The word of `known` that is spelled most like `word`, where one is alike enough to be worth naming.
    public static Optional<String> nearest(String word, Iterable<String> known) {
        String best = null;
        int fewest = Math.max(2, word.length() / 3) + 1;
        for (String candidate : known) {
            int edits = edits(word, candidate);
            if (edits < fewest) {
                fewest = edits;
                best = candidate;
            }
        }
        return Optional.ofNullable(best);
    }

    /// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
    static int edits(String from, String to) {
        int[][] table = new int[from.length() + 1][to.length() + 1];
        for (int i = 0; i <= from.length(); i++) {
            for (int j = 0; j <= to.length(); j++) {
                if (i == 0 || j == 0) {
                    table[i][j] = i + j;
                    continue;
                }
                boolean equal = from.charAt(i - 1) == to.charAt(j - 1);
                int fewest = Math.min(Math.min(table[i - 1][j], table[i][j - 1]) + 1, table[i - 1][j - 1] + (equal ? 0 : 1));
                if (i > 1 && j > 1 && from.charAt(i - 1) == to.charAt(j - 2) && from.charAt(i - 2) == to.charAt(j - 1)) {
                    fewest = Math.min(fewest, table[i - 2][j - 2] + 1);
                }
                table[i][j] = fewest;
            }
        }
        return table[from.length()][to.length()];
    }

    /// The values of a config by key, in order; lists as lists, constants of enums as they are written. Settings of other families than the config's are left out.
    public static Map<String, Object> values(RunConfig config) {
        Map<String, Object> values = new LinkedHashMap<>();
        for (RecordComponent section : RunConfig.class.getRecordComponents()) {
            Object record = read(section, config);
            for (RecordComponent component : section.getType().getRecordComponents()) {
                if (!ROWS.get(key(section, component)).isOf(config.model().family())) {
                    continue;
                }
                Object value = read(component, record);
                values.put(key(section, component), value instanceof Enum<?> constant ? word(constant) : value);
            }
        }
        return values;
    }

    /// How a constant of an enum is written in a config.
    static String word(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    /// A number as people write it, such that it reads back equal: `3`, `0.95`, `1e-5`.
    static String word(double number) {
        return Double.toString(number).replace(".0E", "e").replace("E", "e").replaceFirst("\\.0$", "");
    }

    static String choices(Class<?> type) {
        return Arrays.stream(type.getEnumConstants()).map(constant -> word((Enum<?>) constant)).collect(Collectors.joining(", "));
    }

    static String key(RecordComponent section, RecordComponent component) {
        return section.getName() + "." + snake(component.getName());
    }

    /// `hiddenSize` to `hidden_size`.
    static String snake(String camel) {
        return camel.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
    }

    private static Object read(RecordComponent component, Object record) {
        try {
            return component.getAccessor().invoke(record);
        } catch (ReflectiveOperationException impossible) {
            throw new IllegalStateException(impossible);             // accessors of public records of this package
        }
    }

    private static Map<String, Row> rows() {
        var rows = new ArrayList<Row>();
        for (RecordComponent section : RunConfig.class.getRecordComponents()) {
            for (RecordComponent component : section.getType().getRecordComponents()) {
                Setting setting = component.getAnnotation(Setting.class);
                rows.add(new Row(key(section, component), setting.value(), setting.standard(), setting.free(), component.getType(), element(component), family(section, setting)));
            }
        }
        return rows.stream().collect(Collectors.toMap(Row::key, row -> row, (a, b) -> a, LinkedHashMap::new));
    }

    private static Class<?> element(RecordComponent component) {
        return component.getGenericType() instanceof ParameterizedType list ? (Class<?>) list.getActualTypeArguments()[0] : component.getType();
    }

    private static Optional<RunConfig.Family> family(RecordComponent section, Setting setting) {
        return Stream.concat(Arrays.stream(setting.family()), Arrays.stream(RunConfig.Family.values()).filter(family -> word(family).equals(section.getName()))).findFirst();
    }
}
