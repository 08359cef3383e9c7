package dev.xiaolu.prompt;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.store.Sha256;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The long texts that a model was taught to follow: about tools, about the form of answers, about the highest effort.
///
/// They are no part of this program. Published weights ship with a Python file that holds them; its constants are read, never run, and a text counts only if its
/// SHA-256 is the known one: the model would follow another text differently, and nobody would notice. Where the file is missing or other, prompts that need no such
/// text are made as always, and those that need one are refused with what to do. Immutable.
public final class PromptTemplates {
    /// Where the file lies in the folder of a model.
    static final String FILE = "encoding/encoding_dsv4.py";
    /// The published file has about 30,000 bytes.
    static final long MAX_BYTES = 1 << 20;

    /// What a text is for.
    enum Use {
        TOOLS("tools"), RESPONSE_FORMAT("response formats"), HIGHEST_EFFORT("the highest effort");

        private final String words;

        Use(String words) {
            this.words = words;
        }
    }

    /// How a text is known.
    ///
    /// @param bytes  its size in UTF-8
    /// @param sha256 its hash
    record Known(int bytes, String sha256) {}

    /// The texts of the release of April 2026.
    static final Map<Use, Known> PUBLISHED = Map.of(
        Use.TOOLS, new Known(1075, "09b7269daaddbeaf11a3ed55c07b1846c35162b841d8b4301bbe0449879d1fd8"),
        Use.RESPONSE_FORMAT, new Known(88, "012f31fcc1338bdfe25b132eaf56ab020ee75ab8e649f37b30b8e5f544fb17a5"),
        Use.HIGHEST_EFFORT, new Known(476, "f7a24f3b3050d4a83781e9b755b316aae2ec1d9dc87562541d90bcb04d7350f7"));

    private static final Pattern FIELD = Pattern.compile("\\{\\{|}}|\\{(\\w*)}|[{}]");

    private final Path file;
    private final Map<Use, String> texts;
    private final String found;                                      // what stands in the place of a missing text

    private PromptTemplates(Path file, Map<Use, String> texts, String found) {
        this.file = file;
        this.texts = texts;
        this.found = found;
    }

    /// The texts that lie in the folder of a model.
    public static PromptTemplates load(Disk disk, Path folder) {
        return load(disk, folder, PUBLISHED);
    }

    static PromptTemplates load(Disk disk, Path folder, Map<Use, Known> known) {
        Path file = folder.resolve(FILE);
        if (!disk.exists(file)) {
            return new PromptTemplates(file, Map.of(), "no such file");
        }
        if (disk.isDirectory(file) || disk.size(file) > MAX_BYTES) {
            return new PromptTemplates(file, Map.of(), disk.isDirectory(file) ? "a folder" : "a file of %,d bytes, more than the %,d that are read".formatted(disk.size(file), MAX_BYTES));
        }
        List<String> constants;
        try {
            constants = PythonStrings.of(FILE, disk.read(file));
        } catch (InputException broken) {
            return new PromptTemplates(file, Map.of(), "a file that cannot be read: " + broken.getMessage());
        }
        var texts = new EnumMap<Use, String>(Use.class);
        for (String constant : constants) {
            byte[] utf8 = constant.getBytes(StandardCharsets.UTF_8);
            known.forEach((use, wanted) -> {
                if (utf8.length == wanted.bytes() && Sha256.hex(utf8).equals(wanted.sha256())) {
                    texts.put(use, constant);
                }
            });
        }
        return new PromptTemplates(file, texts, "a file with %d texts of which none is the published one".formatted(constants.size()));
    }

    /// Writes the text about tools with their definitions.
    void tools(Prompt.Builder out, List<String> definitions) {
        fill(out, Use.TOOLS, "tool_schemas", String.join("\n", definitions));
    }

    /// Writes the text about the form of answers with its schema.
    void responseFormat(Prompt.Builder out, String schema) {
        fill(out, Use.RESPONSE_FORMAT, "schema", schema);
    }

    /// Writes the text about the highest effort.
    void highestEffort(Prompt.Builder out) {
        out.structure(text(Use.HIGHEST_EFFORT));
    }

    private String text(Use use) {
        String text = texts.get(use);
        if (text == null) {
            throw InputException.of("%s: wanted the file that ships beside the published weights, for its text on %s; found %s; copy it from the release of April 2026, or do without %s",
                    file, use.words, found, use.words);
        }
        return text;
    }

    /// A template with its fields filled: one with content, which stays content, the others with markers.
    private void fill(Prompt.Builder out, Use use, String field, String content) {
        String text = text(use);
        Matcher fields = FIELD.matcher(text);
        int from = 0;
        while (fields.find()) {
            out.structure(text.substring(from, fields.start()));
            from = fields.end();
            switch (fields.group()) {
                case "{{" -> out.structure("{");
                case "}}" -> out.structure("}");
                case "{dsml_token}" -> out.structure(Marker.DSML);
                case "{thinking_start_token}" -> out.structure(Marker.THINK);
                case "{thinking_end_token}" -> out.structure(Marker.THOUGHT);
                case String found when found.equals("{" + field + "}") -> out.content(content);
                default -> throw InputException.of("%s: the text on %s has a field %s, wanted %s or a marker", file, use.words, fields.group(), field);
            }
        }
        out.structure(text.substring(from));
    }
}
