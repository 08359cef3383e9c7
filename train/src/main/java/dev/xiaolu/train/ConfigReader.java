package dev.xiaolu.train;

import dev.xiaolu.platform.Faults;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/// Puts a [RunConfig] together: defaults, then a preset, then a file, then `key=value` words, the later over the earlier.
///
/// Every fault of every source is told in one message, in the words of the person who wrote it and with the place where they stand.
public final class ConfigReader {
    /// A config and where it began.
    ///
    /// @param config the config
    /// @param base   name of the preset or file that it was made from, for naming a run
    public record Read(RunConfig config, String base) {}

    private final Map<String, Given> given = new LinkedHashMap<>();
    private final List<String> faults = new ArrayList<>();

    private ConfigReader() {}

    /// Reads the words after `train`: at most one preset or YAML file, and any number of `key=value`, in any order.
    public static Read words(List<String> words) {
        var reader = new ConfigReader();
        List<String> bases = words.stream().filter(word -> word.indexOf('=') < 1).toList();
        if (bases.size() > 1) {
            reader.faults.add("'%s' (command line): wanted key=value; the run is already made from '%s'".formatted(bases.get(1), bases.getFirst()));
        }
        String base = bases.isEmpty() ? Presets.STANDARD : bases.getFirst();
        reader.base(base);
        words.stream().filter(word -> word.indexOf('=') >= 1).forEach(reader::override);
        Path name = Path.of(base).getFileName();
        return new Read(reader.build(), name == null ? base : name.toString().replaceFirst("\\.ya?ml$", ""));
    }

    /// Reads a config file that stands for itself, such as a run's own, with `key=value` words over it.
    public static RunConfig file(Path file, List<String> overrides) {
        var reader = new ConfigReader();
        reader.file(file);
        overrides.forEach(reader::override);
        return reader.build();
    }

    private void base(String word) {
        boolean file = word.endsWith(".yaml") || word.endsWith(".yml") || word.contains("/") || word.contains("\\");
        if (file) {
            file(Path.of(word));
        } else if (Presets.names().contains(word)) {
            YamlSource.read("preset " + word, Presets.text(word), faults).forEach(this::put);
        } else {
            faults.add("'%s' (command line): neither key=value, a .yaml file, nor a preset (%s)%s".formatted(word, String.join(", ", Presets.names()), nearestPreset(word)));
        }
    }

    private static String nearestPreset(String word) {
        return Settings.nearest(word, Presets.names()).map(near -> "; nearest preset: " + near).orElse("");
    }

    private void file(Path file) {
        String text;
        try {
            text = Files.readString(file);
        } catch (IOException unreadable) {
            faults.add("%s: wanted a YAML file that can be read, found %s".formatted(file, Files.exists(file) ? "one that cannot (" + unreadable.getMessage() + ")" : "no file"));
            return;
        }
        List<Given> values = YamlSource.read(file.toString(), text, faults);
        values.stream().filter(value -> value.key().equals("preset")).findFirst().ifPresent(preset -> {
            if (Presets.names().contains(preset.text())) {
                YamlSource.read("preset " + preset.text(), Presets.text(preset.text()), faults).forEach(this::put);
            } else {
                faults.add("preset: %s (%s): no such preset; wanted one of %s".formatted(preset.text(), preset.where(), String.join(", ", Presets.names())));
            }
        });
        values.stream().filter(value -> !value.key().equals("preset")).forEach(this::put);
    }

    private void override(String word) {
        int equals = word.indexOf('=');
        if (equals < 1) {
            faults.add("'%s' (command line): wanted key=value, as in train.steps=50".formatted(word));
            return;
        }
        String key = word.substring(0, equals).strip();
        String value = word.substring(equals + 1);
        boolean list = Settings.find(key).map(row -> row.type() == List.class).orElse(false);
        if (list && value.startsWith("[")) {
            YamlSource.read("command line", "value: " + value, faults).forEach(read -> put(new Given(key, read.words(), read.list(), "command line")));
        } else if (list) {
            put(new Given(key, value.isEmpty() ? List.of() : List.of(value.split(",")), true, "command line"));
        } else {
            put(new Given(key, List.of(value), false, "command line"));
        }
    }

    private void put(Given value) {
        if (Settings.find(value.key()).isPresent()) {
            given.put(value.key(), value);
        } else if (Settings.sections().contains(value.key())) {
            faults.add("%s (%s): a section, wanted keys below it such as %s".formatted(value.key(), value.where(),
                    Settings.all().stream().map(Settings.Row::key).filter(key -> key.startsWith(value.key() + ".")).findFirst().orElseThrow()));
        } else {
            faults.add("%s=%s (%s): no such key%s".formatted(value.key(), value.text(), value.where(),
                    Settings.nearest(value.key()).map(near -> "; nearest: " + near).orElse("; './xiaolu train --help' lists them")));
        }
    }

    private RunConfig build() {
        Map<String, Object> sections = new LinkedHashMap<>();
        List<String> broken = new ArrayList<>();
        for (RecordComponent section : RunConfig.class.getRecordComponents()) {
            sections.put(section.getName(), section(section, broken));
        }
        var impossible = new Faults("config");
        RunConfig.check(impossible, (RunConfig.Model) sections.get("model"), (DeepSeekV4Settings) sections.get("deepseek4"), (RunConfig.Train) sections.get("train"), (RunConfig.Optim) sections.get("optim"),
                (RunConfig.Data) sections.get("data"), (RunConfig.Tokenizer) sections.get("tokenizer"), (RunConfig.Eval) sections.get("eval"),
                (RunConfig.Sample) sections.get("sample"), (RunConfig.Cpu) sections.get("cpu"), (LaunchSettings) sections.get("launch"));
        for (String fault : impossible.found()) {
            String key = fault.substring(0, fault.indexOf(' '));
            if (!broken.contains(key)) {                             // a word that is no number has been named already
                faults.add(fault + Optional.ofNullable(given.get(key)).map(value -> " (" + value.where() + ")").orElse(""));
            }
        }
        if (!broken.contains("model.family")) {
            refuseForeign(((RunConfig.Model) sections.get("model")).family(), broken);
        }
        throwIfAny();
        return (RunConfig) make(RunConfig.class, sections.values().toArray());
    }

    /// Refuses settings that only another family has: they would decide nothing.
    private void refuseForeign(RunConfig.Family family, List<String> broken) {
        for (Given value : given.values()) {
            Settings.Row row = Settings.find(value.key()).orElseThrow();
            if (!row.isOf(family) && !broken.contains(row.key())) {
                faults.add("%s (%s): only models of family %s have it, model.family is %s".formatted(row.key(), value.where(), Settings.word(row.family().orElseThrow()), Settings.word(family)));
            }
        }
    }

    private Object section(RecordComponent section, List<String> broken) {
        RecordComponent[] components = section.getType().getRecordComponents();
        Object[] values = new Object[components.length];
        for (int i = 0; i < components.length; i++) {
            String key = Settings.key(section, components[i]);
            Settings.Row row = Settings.find(key).orElseThrow();
            Given value = given.get(key);
            Object converted = value == null ? null : convert(row, value);
            if (value != null && converted == null) {
                broken.add(key);
                faults.add("%s=%s (%s): wanted %s".formatted(key, value.text(), value.where(), row.wanted()));
            }
            values[i] = converted == null ? standard(row) : converted;
        }
        return make(section.getType(), values);
    }

    private static Object standard(Settings.Row row) {
        if (row.type() == List.class) {
            return convert(row, YamlSource.read(row.key(), "value: " + row.standard(), new ArrayList<>()).getFirst());
        }
        return convert(row, new Given(row.key(), List.of(row.standard()), false, "default"));
    }

    /// The value in the component's type, or null where the words cannot be read so.
    private static Object convert(Settings.Row row, Given value) {
        Class<?> type = row.type();
        if (type == List.class) {
            return elements(row, value.list() || !value.text().isEmpty() ? value.words() : List.of());
        }
        if (value.list()) {
            return null;
        }
        String text = value.text();
        try {
            if (type == int.class) {
                return new BigDecimal(text.replace("_", "")).intValueExact();
            }
            if (type == long.class) {
                return new BigDecimal(text.replace("_", "")).longValueExact();
            }
            if (type == double.class) {
                double number = new BigDecimal(text.replace("_", "")).doubleValue();
                return Double.isFinite(number) ? number : null;
            }
        } catch (ArithmeticException | NumberFormatException notSo) {
            return null;
        }
        if (type == boolean.class) {
            return text.equals("true") ? Boolean.TRUE : text.equals("false") ? Boolean.FALSE : null;
        }
        if (type.isEnum()) {
            for (Object constant : type.getEnumConstants()) {
                if (Settings.word((Enum<?>) constant).equals(text.toLowerCase(Locale.ROOT))) {
                    return constant;
                }
            }
            return null;
        }
        return text;
    }

    private static List<?> elements(Settings.Row row, List<String> words) {
        try {
            return row.element() == Integer.class ? words.stream().map(word -> Integer.valueOf(word.strip())).toList() : row.element() == Stage.class ? words.stream().map(Stage::parse).toList() : words;
        } catch (NumberFormatException notSo) {
            return null;
        }
    }

    private static Object make(Class<?> record, Object[] values) {
        try {
            return record.getDeclaredConstructors()[0].newInstance(values);
        } catch (ReflectiveOperationException impossible) {
            throw new IllegalStateException(impossible);             // every value has its component's type by now
        }
    }

    private void throwIfAny() {
        var all = new Faults("config");
        faults.forEach(fault -> all.that(false, "%s", fault));
        all.throwIfAny();
    }

    /// Refuses to resume a run with another value of a setting that decides the bits.
    ///
    /// @param before the run's config
    /// @param after  the config to go on with
    public static void checkResume(RunConfig before, RunConfig after) {
        Map<String, Object> was = Settings.values(before);
        Map<String, Object> is = Settings.values(after);
        var changed = new Faults("resume");
        for (Settings.Row row : Settings.all()) {
            changed.that(row.free() || Objects.equals(was.get(row.key()), is.get(row.key())),
                    "%s is %s in this run and cannot become %s, it decides the bits; start a new run", row.key(), was.get(row.key()), is.get(row.key()));
        }
        changed.throwIfAny();
    }
}
