package dev.xiaolu.tokenizer;

import dev.xiaolu.store.Json;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Writes a learned vocabulary as `tokenizer.json` and `tokenizer_config.json`, and reads them back as the tokenizer.
final class TokenizerWriter {
    private TokenizerWriter() {}

    static Tokenizer write(MergeLearner learned, String pattern, List<String> specialTokens) {
        int firstSpecial = learned.tokens().size();
        String bos = specialTokens.get(0);
        String eos = specialTokens.get(1);
        byte[] json = Json.write(object(
            "version", "1.0",
            "truncation", null,
            "padding", null,
            "added_tokens", added(specialTokens, firstSpecial),
            "normalizer", null,
            "pre_tokenizer", object("type", "Sequence", "pretokenizers", List.of(
                object("type", "Split", "pattern", object("Regex", pattern), "behavior", "Isolated", "invert", false),
                byteLevel(false))),
            "post_processor", object(
                "type", "TemplateProcessing",
                "single", List.of(special(bos, 0), sequence("A", 0)),
                "pair", List.of(special(bos, 0), sequence("A", 0), special(bos, 1), sequence("B", 1)),
                "special_tokens", object(bos, object("id", bos, "ids", List.of(firstSpecial), "tokens", List.of(bos)))),
            "decoder", byteLevel(true),
            "model", model(learned)));
        byte[] config = Json.write(object(
            "tokenizer_class", "PreTrainedTokenizerFast",
            "bos_token", bos,
            "eos_token", eos,
            "clean_up_tokenization_spaces", false));
        return Tokenizer.of(TokenizerReader.JSON, json, Optional.of(config));
    }

    private static Map<String, Object> model(MergeLearner learned) {
        List<String> tokens = learned.tokens();
        Map<String, Object> vocab = new LinkedHashMap<>();
        for (int id = 0; id < tokens.size(); id++) {
            vocab.put(tokens.get(id), id);
        }
        return object(
            "type", "BPE",
            "dropout", null,
            "unk_token", null,
            "continuing_subword_prefix", null,
            "end_of_word_suffix", null,
            "fuse_unk", false,
            "byte_fallback", false,
            "ignore_merges", false,
            "vocab", vocab,
            "merges", learned.merges().stream().map(merge -> tokens.get(merge.left()) + " " + tokens.get(merge.right())).toList());
    }

    private static List<Object> added(List<String> specialTokens, int firstId) {
        List<Object> added = new ArrayList<>();
        for (String token : specialTokens) {
            added.add(object("id", firstId + added.size(), "content", token, "single_word", false, "lstrip", false, "rstrip", false,
                "normalized", false, "special", true));
        }
        return added;
    }

    private static Map<String, Object> byteLevel(boolean decodes) {
        return object("type", "ByteLevel", "add_prefix_space", false, "trim_offsets", true, "use_regex", decodes);
    }

    private static Map<String, Object> special(String token, int typeId) {
        return object("SpecialToken", object("id", token, "type_id", typeId));
    }

    private static Map<String, Object> sequence(String name, int typeId) {
        return object("Sequence", object("id", name, "type_id", typeId));
    }

    /// A JSON object of names and values in turn; a value may be null.
    private static Map<String, Object> object(Object... namesAndValues) {
        Map<String, Object> object = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            object.put((String) namesAndValues[i], namesAndValues[i + 1]);
        }
        return object;
    }
}
