package dev.xiaolu.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/// Tokens and their ids, those of the model and the added ones, and the bytes that each adds to a decoded text. Immutable, thread-safe.
final class Vocabulary {
    private final Map<String, Integer> ids;
    private final String[] tokens;                     // by id; null where there is none
    private final int[] starts;                        // where the bytes of each token begin, and behind the last one their end
    private final byte[] bytes;
    private final boolean[] special;

    /// From the tokens of the model and the added tokens, whose ids fit together. Added tokens that are looked for in normalized text
    /// are decoded as the normalized text too.
    Vocabulary(Map<String, Integer> model, Iterable<AddedToken> added, TextNormalizer normalizer) {
        ids = new HashMap<>(model);
        int end = 0;
        for (int id : model.values()) {
            end = Math.max(end, id + 1);
        }
        for (AddedToken token : added) {
            ids.put(token.content(), token.id());
            end = Math.max(end, token.id() + 1);
        }
        tokens = new String[end];
        ids.forEach((token, id) -> tokens[id] = token);
        special = new boolean[end];
        String[] decoded = tokens.clone();
        for (AddedToken token : added) {
            special[token.id()] = token.special();
            if (token.normalized()) {
                decoded[token.id()] = new String(normalizer.apply(token.content().getBytes(StandardCharsets.UTF_8)), StandardCharsets.UTF_8);
            }
        }
        starts = new int[end + 1];
        byte[] all = new byte[1024];
        for (int id = 0; id < end; id++) {
            byte[] one = decoded[id] == null ? new byte[0] : ByteAlphabet.decoded(decoded[id]);
            int next = Math.addExact(starts[id], one.length);
            if (next > all.length) {
                all = Arrays.copyOf(all, Math.max(next, all.length * 2));
            }
            System.arraycopy(one, 0, all, starts[id], one.length);
            starts[id + 1] = next;
        }
        bytes = Arrays.copyOf(all, starts[end]);
    }

    /// The highest id plus one.
    int size() {
        return tokens.length;
    }

    /// The id of a token, or -1.
    int id(String token) {
        return ids.getOrDefault(token, -1);
    }

    /// The token of an id, or null.
    String token(int id) {
        return id >= 0 && id < tokens.length ? tokens[id] : null;
    }

    boolean special(int id) {
        return id >= 0 && id < special.length && special[id];
    }

    /// Bytes of a token, 0 for an id without one.
    int length(int id) {
        return id >= 0 && id < tokens.length ? starts[id + 1] - starts[id] : 0;
    }

    /// Copies the bytes of a token to `out` from `at` on.
    void copy(int id, byte[] out, int at) {
        System.arraycopy(bytes, starts[id], out, at, starts[id + 1] - starts[id]);
    }
}
