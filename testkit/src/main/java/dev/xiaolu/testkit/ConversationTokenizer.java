package dev.xiaolu.testkit;

import dev.xiaolu.store.Json;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Makes a `tokenizer.json` of the DeepSeek-V4 kind: all bytes, a few merges, and the tokens of conversations, of which only the first two are special.
public final class ConversationTokenizer {
    /// Names of the markers and their published ids (`added_tokens` of the released file, by two public listings of it; 2026-11).
    public static final Map<String, Integer> PUBLISHED = published();

    private static final List<String> MERGES = List.of("Ċ Ċ", "t h", "th e", "Ġ the", "i n", "o n", "> Ċ", "Ġ a", "e r", "a m", "n am", "nam e");

    private ConversationTokenizer() {}

    private static Map<String, Integer> published() {
        var ids = new LinkedHashMap<String, Integer>();
        ids.put("<｜begin▁of▁sentence｜>", 0);
        ids.put("<｜end▁of▁sentence｜>", 1);
        ids.put("<｜User｜>", 128803);
        ids.put("<｜Assistant｜>", 128804);
        ids.put("<think>", 128821);
        ids.put("</think>", 128822);
        ids.put("｜DSML｜", 128825);
        ids.put("<｜latest_reminder｜>", 128828);
        ids.put("<｜action｜>", 128829);
        ids.put("<｜query｜>", 128830);
        ids.put("<｜authority｜>", 128831);
        ids.put("<｜domain｜>", 128832);
        ids.put("<｜title｜>", 128836);
        ids.put("<｜extracted_url｜>", 128844);
        ids.put("<｜read_url｜>", 128845);
        return ids;
    }

    /// The file with 270 tokens and the markers behind them.
    public static byte[] small() {
        return json(270, false);
    }

    /// The file with as many tokens as the published one and every marker under its published id.
    public static byte[] large() {
        return json(128_000, true);
    }

    private static byte[] json(int base, boolean placeholders) {
        var vocab = new LinkedHashMap<String, Integer>();
        PUBLISHED.forEach((name, id) -> {
            if (id < 2) {
                vocab.put(name, id);
            }
        });
        for (int b = 0; b < 256; b++) {
            vocab.put(Character.toString(letter(b)), vocab.size());
        }
        MERGES.forEach(pair -> vocab.put(pair.replace(" ", ""), vocab.size()));
        while (vocab.size() < base) {
            vocab.put("filler" + vocab.size(), vocab.size());
        }
        var added = new ArrayList<Map<String, Object>>();
        int next = base;
        for (var marker : PUBLISHED.entrySet()) {
            while (placeholders && next < marker.getValue()) {
                added.add(token("<｜place▁holder▁no▁%d｜>".formatted(next), next++));
            }
            added.add(token(marker.getKey(), marker.getValue() < 2 ? marker.getValue() : next++));
        }
        var splits = new ArrayList<Object>();
        for (String pattern : List.of("\\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+", "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
                + "| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+")) {
            splits.add(Map.of("type", "Split", "pattern", Map.of("Regex", pattern), "behavior", "Isolated", "invert", false));
        }
        splits.add(byteLevel(false));
        return Json.write(Map.of("added_tokens", added, "pre_tokenizer", Map.of("type", "Sequence", "pretokenizers", splits), "post_processor", byteLevel(true), "decoder", byteLevel(true),
                "model", Map.of("type", "BPE", "vocab", vocab, "merges", MERGES)));
    }

    private static Map<String, Object> token(String name, int id) {
        return Map.of("id", id, "content", name, "special", id < 2, "single_word", false, "lstrip", false, "rstrip", false, "normalized", false);
    }

    private static Map<String, Object> byteLevel(boolean regex) {
        return Map.of("type", "ByteLevel", "add_prefix_space", false, "trim_offsets", true, "use_regex", regex);
    }

    /// The letter that stands for a byte in the vocabulary: itself where it can be seen, else one from U+0100 on.
    private static int letter(int b) {
        int hidden = 0;
        for (int c = 0; c < b; c++) {
            hidden += seen(c) ? 0 : 1;
        }
        return seen(b) ? b : 256 + hidden;
    }

    private static boolean seen(int c) {
        return c >= '!' && c <= '~' || c >= 0xA1 && c <= 0xAC || c >= 0xAE;
    }
}
