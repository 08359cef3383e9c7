package dev.xiaolu.tokenizer;

import dev.xiaolu.platform.InputException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Reads the `pre_tokenizer` of a `tokenizer.json`: splits, digits, and one `ByteLevel` at the end.
final class PreTokenizerReader {
    /// The patterns for which there is a scanner; all others run as [PatternProgram].
    private static final Map<String, Scanner> SCANNERS = Map.of(
        Gpt2Scanner.PATTERN, new Gpt2Scanner(),
        LineScanner.LLAMA3_PATTERN, new LineScanner(3),
        LineScanner.QWEN_PATTERN, new LineScanner(1),
        DigitScanner.DEEP_SEEK_PATTERN, new DigitScanner(3, false),
        CjkScanner.PATTERN, new CjkScanner(),
        DeepSeekScanner.PATTERN, new DeepSeekScanner());

    private final List<Stage> stages = new ArrayList<>();
    private boolean byteLevel;

    private PreTokenizerReader() {}

    /// The stages in their order.
    static Stage read(Fields fields) {
        var reader = new PreTokenizerReader();
        reader.add(fields);
        if (!reader.byteLevel) {
            throw InputException.of("%s: no step of type ByteLevel, wanted one at the end; only byte-level BPE is supported", fields.path());
        }
        return Stage.sequence(List.copyOf(reader.stages));
    }

    private void add(Fields fields) {
        String type = fields.text("type");
        if (byteLevel) {
            throw InputException.of("%s: a step of type %s behind ByteLevel, which is not supported", fields.path(), type);
        }
        switch (type) {
            case "Sequence" -> fields.objects("pretokenizers").forEach(this::add);
            case "ByteLevel" -> byteLevel(fields);
            case "Split" -> stages.add(split(fields));
            case "Digits" -> stages.add(Stage.of(new DigitScanner(fields.flag("individual_digits", false) ? 1 : Integer.MAX_VALUE, true)));
            default -> throw InputException.of("%s: the type %s is not supported, wanted ByteLevel, Split, Digits or Sequence", fields.path(), type);
        }
        fields.refuseOthers();
    }

    private void byteLevel(Fields fields) {
        byteLevel = true;
        fields.harmless("trim_offsets");
        if (fields.flag("add_prefix_space", true)) {
            stages.add(Stage.prefixSpace());
        }
        if (fields.flag("use_regex", true)) {
            stages.add(Stage.of(new Gpt2Scanner()));
        }
    }

    private static Stage split(Fields fields) {
        Fields pattern = fields.object("pattern");
        SplitStage.Behavior behavior = behavior(fields);
        boolean invert = fields.flag("invert", false);
        if (pattern.has("String")) {
            byte[] wanted = pattern.text("String").getBytes(StandardCharsets.UTF_8);
            pattern.refuseOthers();
            if (wanted.length == 0) {
                throw pattern.wrong("String", "a text that is not empty");
            }
            return new SplitStage(() -> Finder.literal(wanted), behavior, invert);
        }
        String regex = pattern.text("Regex");
        pattern.refuseOthers();
        return behavior == SplitStage.Behavior.ISOLATED && !invert ? split(pattern.path(), regex) : SplitStage.of(pattern.path(), regex, behavior, invert);
    }

    /// Cuts at the matches of a pattern and keeps them, with a scanner if there is one; `subject` opens the message when it cannot be read.
    static Stage split(String subject, String regex) {
        Scanner scanner = SCANNERS.get(regex);
        return scanner != null ? Stage.of(scanner) : SplitStage.of(subject, regex, SplitStage.Behavior.ISOLATED, false);
    }

    private static SplitStage.Behavior behavior(Fields fields) {
        return switch (fields.text("behavior")) {
            case "Removed" -> SplitStage.Behavior.REMOVED;
            case "Isolated" -> SplitStage.Behavior.ISOLATED;
            case "MergedWithPrevious" -> SplitStage.Behavior.MERGED_WITH_PREVIOUS;
            case "MergedWithNext" -> SplitStage.Behavior.MERGED_WITH_NEXT;
            case "Contiguous" -> SplitStage.Behavior.CONTIGUOUS;
            default -> throw fields.wrong("behavior", "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
        };
    }
}
