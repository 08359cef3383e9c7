package dev.xiaolu.train;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.dataformat.yaml.YAMLFactory;

/// The values of a YAML text with the lines on which they stand; nested sections become dotted keys.
final class YamlSource {
    private static final YAMLFactory FACTORY = new YAMLFactory();
    private static final Pattern PLACE = Pattern.compile("line (\\d+), column \\d+");

    private final String name;
    private final List<String> faults;
    private final List<Given> values = new ArrayList<>();
    private final Set<String> seen = new HashSet<>();

    private YamlSource(String name, List<String> faults) {
        this.name = name;
        this.faults = faults;
    }

    /// Reads `text`, which is called `name` in messages; notes in `faults` what is no mapping of keys to words and lists.
    static List<Given> read(String name, String text, List<String> faults) {
        var source = new YamlSource(name, faults);
        try (JsonParser parser = FACTORY.createParser(text)) {
            JsonToken first = parser.nextToken();
            if (first == JsonToken.START_OBJECT) {
                source.object(parser, "");
            } else if (first != null && first != JsonToken.VALUE_NULL) {
                faults.add("%s: wanted a mapping of keys to values, found %s".formatted(name, shown(parser)));
            }
        } catch (JacksonException unreadable) {
            faults.add(words(name, unreadable));
        }
        return source.values;
    }

    /// What is wrong and where. The reader's message is what it was doing, then the trouble, each followed by indented lines with its place.
    private static String words(String name, JacksonException unreadable) {
        String message = unreadable.getOriginalMessage();
        String line = PLACE.matcher(message).results().map(place -> place.group(1)).reduce((_, last) -> last)
                .orElseGet(() -> unreadable.getLocation() == null ? "1" : Integer.toString(unreadable.getLocation().getLineNr()));
        return "%s line %s: not YAML: %s".formatted(name, line, message.lines().filter(part -> !part.startsWith(" ")).collect(Collectors.joining(", ")));
    }

    private void object(JsonParser parser, String prefix) {
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String key = prefix + parser.currentName();
            String where = "%s line %d".formatted(name, parser.currentTokenLocation().getLineNr());
            JsonToken token = parser.nextToken();
            if (token == JsonToken.START_OBJECT) {
                object(parser, key + ".");
                continue;
            }
            if (!seen.add(key)) {
                faults.add("%s (%s): given twice".formatted(key, where));
            }
            if (token == JsonToken.START_ARRAY) {
                values.add(new Given(key, array(parser, key, where), true, where));
            } else if (token == JsonToken.VALUE_NULL) {
                values.add(new Given(key, List.of(""), false, where));
            } else {
                values.add(new Given(key, List.of(parser.getString()), false, where));
            }
        }
    }

    private List<String> array(JsonParser parser, String key, String where) {
        List<String> words = new ArrayList<>();
        for (JsonToken token = parser.nextToken(); token != JsonToken.END_ARRAY; token = parser.nextToken()) {
            if (token.isStructStart()) {
                faults.add("%s (%s): wanted a list of words, found a list of lists or mappings".formatted(key, where));
                parser.skipChildren();
            } else {
                words.add(token == JsonToken.VALUE_NULL ? "" : parser.getString());
            }
        }
        return words;
    }

    private static String shown(JsonParser parser) {
        return parser.currentToken() == JsonToken.START_ARRAY ? "a list" : "'" + parser.getString() + "'";
    }
}
