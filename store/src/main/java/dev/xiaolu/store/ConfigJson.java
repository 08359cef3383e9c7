package dev.xiaolu.store;

import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.Faults;
import dev.xiaolu.platform.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import tools.jackson.databind.JsonNode;

/// A `config.json` under reading: typed accessors that note every fault, and a memory of the keys that nobody asked for.
///
/// A family asks for each key that it knows, names those that change nothing with [#harmless], then decides about the [#unknown] rest: a key that is
/// passed over in silence may be the one that changes the model. An accessor that finds a fault gives a stand-in, so all faults are told at once by [#throwIfAny],
/// which comes before any use of the values. `null` counts as absent. Not thread-safe.
public final class ConfigJson {
    private final JsonNode json;
    private final String prefix;
    private final Faults faults;
    private final Set<String> asked = new HashSet<>();
    private final List<ConfigJson> objects = new ArrayList<>();

    private ConfigJson(JsonNode json, String prefix, Faults faults) {
        this.json = json;
        this.prefix = prefix;
        this.faults = faults;
    }

    /// Reads the file, or the `config.json` of a folder.
    public static ConfigJson read(Disk disk, Path path) {
        Path file = disk.isDirectory(path) ? path.resolve("config.json") : path;
        checkInput(disk.exists(file), "%s: no such file, wanted a model's config", file);
        return of(file.toString(), Json.readObject(file.toString(), disk.read(file)));
    }

    /// Over an object that is already read; `subject` opens the messages.
    public static ConfigJson of(String subject, JsonNode object) {
        return new ConfigJson(object, "", new Faults(subject));
    }

    /// Whether the key is there and not `null`.
    public boolean has(String key) {
        asked.add(key);
        return json.hasNonNull(key);
    }

    /// A whole number that must be there.
    public int integer(String key) {
        return required(key, 1, ConfigJson::isInt, JsonNode::intValue, "a whole number");
    }

    /// A whole number, or `absent`.
    public int integer(String key, int absent) {
        return has(key) ? integer(key) : absent;
    }

    /// A finite number that must be there.
    public double number(String key) {
        return required(key, 1.0, ConfigJson::isFinite, JsonNode::doubleValue, "a number");
    }

    /// A finite number, or `absent`.
    public double number(String key, double absent) {
        return has(key) ? number(key) : absent;
    }

    /// `true` or `false`, or `absent`.
    public boolean flag(String key, boolean absent) {
        return has(key) ? required(key, absent, JsonNode::isBoolean, JsonNode::booleanValue, "true or false") : absent;
    }

    /// A text that must be there.
    public String text(String key) {
        return required(key, "", JsonNode::isString, JsonNode::stringValue, "a text");
    }

    /// A text, or `absent`.
    public String text(String key, String absent) {
        return has(key) ? text(key) : absent;
    }

    /// A list of whole numbers, one whole number standing for a list of one; empty when absent.
    public List<Integer> integers(String key) {
        if (!has(key)) {
            return List.of();
        }
        return required(key, List.of(), node -> isInt(node) || node.isArray() && node.valueStream().allMatch(ConfigJson::isInt),
            node -> node.isArray() ? node.valueStream().map(JsonNode::intValue).toList() : List.of(node.intValue()), "a list of whole numbers");
    }

    /// A list of texts; empty when absent.
    public List<String> texts(String key) {
        return has(key) ? required(key, List.of(), node -> node.isArray() && node.valueStream().allMatch(JsonNode::isString),
            node -> node.valueStream().map(JsonNode::stringValue).toList(), "a list of texts") : List.of();
    }

    /// An object inside this one, such as `rope_scaling`, which shares its faults and its unknown keys.
    public Optional<ConfigJson> object(String key) {
        if (!has(key)) {
            return Optional.empty();
        }
        if (required(key, null, JsonNode::isObject, node -> node, "an object") == null) {
            return Optional.empty();
        }
        var object = new ConfigJson(json.get(key), prefix + key + ".", faults);
        objects.add(object);
        return Optional.of(object);
    }

    /// Keys that may stand there and change nothing, such as `transformers_version`.
    public void harmless(String... keys) {
        asked.addAll(List.of(keys));
    }

    /// Keys that nobody asked for, with the path of the objects around them, in the order of the file.
    public List<String> unknown() {
        var unknown = new ArrayList<String>();
        for (String key : json.propertyNames()) {
            if (!asked.contains(key)) {
                unknown.add(prefix + key);
            }
        }
        objects.forEach(object -> unknown.addAll(object.unknown()));
        return unknown;
    }

    /// Notes a fault for every unknown key.
    public void refuseUnknown() {
        unknown().forEach(key -> faults.that(false, "the key %s is unknown, and the model may mean something by it that would be left out", key));
    }

    /// Where faults are noted; for conditions between keys.
    public Faults faults() {
        return faults;
    }

    /// What `made` gives: a record of sizes that refuses impossible ones as those of `config.json`, which are told as those of this file.
    public <T> T make(Supplier<T> made) {
        try {
            return made.get();
        } catch (InputException refused) {
            throw new InputException(refused.getMessage().replaceFirst("^config\\.json", Matcher.quoteReplacement(faults.subject())), refused);
        }
    }

    /// Throws one message with every fault, or does nothing when there is none.
    public void throwIfAny() {
        faults.throwIfAny();
    }

    private <T> T required(String key, T standIn, Predicate<JsonNode> fits, Function<JsonNode, T> value, String wanted) {
        if (!has(key)) {
            faults.that(false, "%s is missing, wanted %s", prefix + key, wanted);
            return standIn;
        }
        JsonNode node = json.get(key);
        if (!fits.test(node)) {
            String found = node.toString();
            faults.that(false, "%s is %s, wanted %s", prefix + key, found.length() > 60 ? found.substring(0, 60) + "…" : found, wanted);
            return standIn;
        }
        return value.apply(node);
    }

    private static boolean isInt(JsonNode node) {
        return node.isIntegralNumber() && node.canConvertToInt();
    }

    private static boolean isFinite(JsonNode node) {
        return node.isNumber() && Double.isFinite(node.asDouble(Double.NaN));
    }

    /// The bytes of a config with its keys sorted at every level, so that equal configs are equal files.
    public static byte[] toBytes(Map<String, ?> config) {
        return Json.write(sorted(config));
    }

    private static Object sorted(Object value) {
        return switch (value) {
            case Map<?, ?> map -> {
                var copy = new TreeMap<String, Object>();
                map.forEach((key, inner) -> copy.put(key.toString(), sorted(inner)));
                yield new LinkedHashMap<>(copy);
            }
            case List<?> list -> list.stream().map(ConfigJson::sorted).toList();
            case null -> null;
            default -> value;
        };
    }
}
