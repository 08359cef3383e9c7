package dev.xiaolu.tokenizer;

import dev.xiaolu.platform.InputException;
import java.util.HashMap;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/// Reads the `model` of a `tokenizer.json`, a BPE over the byte alphabet.
///
/// @param vocab   the tokens and their ids
/// @param model   the merges
record BpeReader(Map<String, Integer> vocab, BpeModel model) {
    static BpeReader read(Fields fields) {
        if (fields.has("type") && !fields.text("type").equals("BPE")) {
            throw fields.wrong("type", "BPE, the only model that is supported");
        }
        fields.refuse("dropout", "set it to null: tokens must not depend on chance", "0", "0.0");
        fields.refuse("continuing_subword_prefix", "byte-level BPE has none", "\"\"");
        fields.refuse("end_of_word_suffix", "byte-level BPE has none", "\"\"");
        fields.refuse("byte_fallback", "in byte-level BPE every byte is a token already", "false");
        Map<String, Integer> vocab = vocab(fields);
        int unknown = -1;
        if (fields.has("unk_token")) {
            unknown = vocab.getOrDefault(fields.text("unk_token"), -1);
            if (unknown < 0) {
                throw fields.wrong("unk_token", "null or a token of the vocabulary");
            }
        }
        int[] byteIds = new int[256];
        for (int b = 0; b < 256; b++) {
            byteIds[b] = vocab.getOrDefault(String.valueOf(ByteAlphabet.character(b)), -1);
        }
        ByteMap whole = null;
        int[] wholeIds = null;
        if (fields.flag("ignore_merges", false)) {
            whole = new ByteMap(vocab.size());
            wholeIds = new int[vocab.size()];
            for (var entry : vocab.entrySet()) {
                byte[] bytes = ByteAlphabet.bytesOrNull(entry.getKey());
                if (bytes != null) {
                    wholeIds[whole.add(bytes, 0, bytes.length, ByteMap.hash(bytes, 0, bytes.length))] = entry.getValue();
                }
            }
        }
        var model = new BpeModel(byteIds, merges(fields, vocab), whole, wholeIds, unknown, fields.flag("fuse_unk", false));
        fields.refuseOthers();
        return new BpeReader(vocab, model);
    }

    private static Map<String, Integer> vocab(Fields fields) {
        Fields object = fields.object("vocab");
        var vocab = new HashMap<String, Integer>();
        var tokens = new HashMap<Integer, String>();
        object.all().forEach((token, id) -> {
            if (!Fields.isId(id)) {
                throw InputException.of("%s: the token %s has the id %s, wanted a whole number from 0 to %d", object.path(), shown(token), id,
                    TokenizerReader.MOST_IDS - 1);
            }
            String other = tokens.put(id.intValue(), token);
            if (other != null) {
                throw InputException.of("%s: the tokens %s and %s have the same id %d", object.path(), shown(other), shown(token), id.intValue());
            }
            vocab.put(token, id.intValue());
        });
        return vocab;
    }

    private static PairMap merges(Fields fields, Map<String, Integer> vocab) {
        var merges = new PairMap(1 << 10);
        int place = 0;
        int rank = 0;
        for (JsonNode merge : fields.list("merges")) {
            if (!merge.isString() || !merge.stringValue().startsWith("#version")) {
                String[] halves = halves(fields, place, merge);
                int left = known(fields, place, vocab, halves[0]);
                int right = known(fields, place, vocab, halves[1]);
                int whole = known(fields, place, vocab, halves[0] + halves[1]);
                merges.put(PairMap.key(left, right), (long) rank++ << 32 | whole);         // of one pair twice the later counts
            }
            place++;
        }
        return merges;
    }

    private static String[] halves(Fields fields, int place, JsonNode merge) {
        String[] halves = {};
        if (merge.isString()) {
            halves = merge.stringValue().split(" ", -1);
        } else if (merge.isArray() && merge.size() == 2 && merge.get(0).isString() && merge.get(1).isString()) {
            halves = new String[] {merge.get(0).stringValue(), merge.get(1).stringValue()};
        }
        if (halves.length != 2 || halves[0].isEmpty() || halves[1].isEmpty()) {
            throw InputException.of("%s.merges[%d]: wanted two tokens, as \"a b\" or [\"a\", \"b\"], found %s", fields.path(), place, shown(merge.toString()));
        }
        return halves;
    }

    private static int known(Fields fields, int place, Map<String, Integer> vocab, String token) {
        Integer id = vocab.get(token);
        if (id == null) {
            throw InputException.of("%s.merges[%d]: the token %s is not in the vocabulary", fields.path(), place, shown(token));
        }
        return id;
    }

    private static String shown(String token) {
        return token.length() <= 60 ? token : token.substring(0, 57) + "...";
    }
}
