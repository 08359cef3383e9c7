package dev.xiaolu.store;

import dev.xiaolu.platform.InputException;
import java.nio.charset.StandardCharsets;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.util.DefaultIndenter;
import tools.jackson.core.util.DefaultPrettyPrinter;
import tools.jackson.core.util.Separators;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectWriter;
import tools.jackson.databind.json.JsonMapper;

/// JSON as this project reads and writes it: bounded depth, no name twice in one object, nothing after the end; written with `\n`
/// and two spaces on every machine.
public final class Json {
    /// The deepest nesting that is read.
    static final int MAX_DEPTH = 64;

    static final JsonFactory FACTORY = JsonFactory.builder()
        .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
        .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(MAX_DEPTH).maxNumberLength(100).build())
        .build();

    private static final JsonMapper MAPPER = JsonMapper.builder(FACTORY).enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

    private static final ObjectWriter WRITER = MAPPER.writer().with(new DefaultPrettyPrinter(
        Separators.createDefaultInstance().withObjectNameValueSpacing(Separators.Spacing.AFTER)).withObjectIndenter(new DefaultIndenter("  ", "\n")));

    private Json() {}

    /// Reads one JSON object; `subject` opens the message when it is none, with line and column.
    public static JsonNode readObject(String subject, byte[] bytes) {
        JsonNode node = read(subject, bytes);
        if (!node.isObject()) {
            throw InputException.of("%s: not a JSON object", subject);
        }
        return node;
    }

    /// Reads one JSON value of any kind; `subject` opens the message when it is none, with line and column.
    public static JsonNode read(String subject, byte[] bytes) {
        try {
            return MAPPER.readTree(bytes);                       // a missing node for nothing but white space
        } catch (JacksonException broken) {
            throw new InputException(subject + ": not valid JSON, " + words(broken), broken);
        }
    }

    /// Writes maps, lists, records, numbers, texts and nodes, indented, in the order in which they come, with a line end at the end.
    public static byte[] write(Object value) {
        return (WRITER.writeValueAsString(value) + "\n").getBytes(StandardCharsets.UTF_8);
    }

    /// What is wrong and where.
    static String words(JacksonException broken) {
        String what = broken.getOriginalMessage();
        var where = broken.getLocation();
        return where == null || where.getLineNr() < 1 ? what : "line %d column %d: %s".formatted(where.getLineNr(), where.getColumnNr(), what);
    }
}
