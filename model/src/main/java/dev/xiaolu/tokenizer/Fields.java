package dev.xiaolu.tokenizer;

import dev.xiaolu.platform.InputException;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/// One JSON object under reading: typed fields that fail with their path, and a memory of the fields that nobody asked for.
final class Fields {
    private final String path;
    private final JsonNode node;
    private final Set<String> asked = new HashSet<>();

    /// Over `node`, which must be an object; `path` opens the messages, for example `tokenizer.json: model`.
    Fields(String path, JsonNode node) {
        this.path = path;
        this.node = node;
        if (!node.isObject()) {
            throw InputException.of("%s: wanted an object, found %s", path, shown(node));
        }
    }

    String path() {
        return path;
    }

    /// The exception for a field that is not as wanted.
    InputException wrong(String field, String wanted) {
        return InputException.of("%s.%s: wanted %s, found %s", path, field, wanted, has(field) ? shown(node.get(field)) : "nothing");
    }

    /// Whether the field is there and not `null`.
    boolean has(String field) {
        asked.add(field);
        return node.hasNonNull(field);
    }

    /// A text that must be there.
    String text(String field) {
        if (!has(field) || !node.get(field).isString() || !Utf8.isWhole(node.get(field).stringValue())) {
            throw wrong(field, "a text");
        }
        return node.get(field).stringValue();
    }

    /// A yes or no, `otherwise` when it is absent or null.
    boolean flag(String field, boolean otherwise) {
        if (!has(field)) {
            return otherwise;
        }
        if (!node.get(field).isBoolean()) {
            throw wrong(field, "true or false");
        }
        return node.get(field).booleanValue();
    }

    /// A token id that must be there.
    int id(String field) {
        if (!has(field) || !isId(node.get(field))) {
            throw wrong(field, "a token id from 0 to " + (TokenizerReader.MOST_IDS - 1));
        }
        return node.get(field).intValue();
    }

    static boolean isId(JsonNode value) {
        return value.isIntegralNumber() && value.canConvertToInt() && value.intValue() >= 0 && value.intValue() < TokenizerReader.MOST_IDS;
    }

    /// An object that must be there.
    Fields object(String field) {
        if (!has(field)) {
            throw wrong(field, "an object");
        }
        return new Fields(path + "." + field, node.get(field));
    }

    /// The elements of a list that must be there.
    Iterable<JsonNode> list(String field) {
        if (!has(field) || !node.get(field).isArray()) {
            throw wrong(field, "a list");
        }
        return node.get(field);
    }

    /// The objects of a list that must be there.
    Iterable<Fields> objects(String field) {
        list(field);
        var objects = new java.util.ArrayList<Fields>();
        for (JsonNode element : node.get(field)) {
            objects.add(new Fields("%s.%s[%d]".formatted(path, field, objects.size()), element));
        }
        return objects;
    }

    /// All fields by name, as they are; asks for each of them.
    Map<String, JsonNode> all() {
        var all = new LinkedHashMap<String, JsonNode>();
        node.properties().forEach(entry -> all.put(entry.getKey(), entry.getValue()));
        asked.addAll(all.keySet());
        return all;
    }

    /// Refuses a field that is there and neither `null` nor, in words, one of `harmless`.
    void refuse(String field, String remedy, Object... harmless) {
        if (has(field)) {
            for (Object one : harmless) {
                if (node.get(field).toString().equals(one.toString())) {
                    return;
                }
            }
            throw InputException.of("%s.%s is %s, which is not supported; %s", path, field, shown(node.get(field)), remedy);
        }
    }

    /// Names fields that change nothing.
    void harmless(String... fields) {
        asked.addAll(Set.of(fields));
    }

    /// Refuses every field that nobody asked for: one passed over in silence may be the one that changes the tokens.
    void refuseOthers() {
        node.properties().forEach(entry -> {
            if (!asked.contains(entry.getKey()) && !entry.getValue().isNull()) {
                throw InputException.of("%s.%s: this field is not known and may change the tokens; found %s", path, entry.getKey(), shown(entry.getValue()));
            }
        });
    }

    private static String shown(JsonNode node) {
        String text = node.toString();
        return text.length() <= 80 ? text : text.substring(0, 77) + "...";
    }
}
