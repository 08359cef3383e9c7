package dev.xiaolu.nn;

import static dev.xiaolu.platform.Check.checkInput;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.tensor.Elementary;
import dev.xiaolu.tensor.Tensor;
import java.util.Arrays;

/// Chooses the next token: a function of the logits, the seed and the token's position, and of nothing else.
///
/// Tokens are ordered by probability, ties by the lower id; probabilities are added in that order in double precision. Immutable and thread-safe.
///
/// @param temperature divides the logits; 0 takes the likeliest token
/// @param topP        keeps the fewest tokens whose probability reaches this share, from above 0 to 1
/// @param seed        of the draws
public record Sampler(double temperature, double topP, long seed) {
    public Sampler {
        checkInput(temperature >= 0 && temperature < Double.POSITIVE_INFINITY, "temperature is %s, wanted 0 or more", temperature);
        checkInput(topP > 0 && topP <= 1, "top-p is %s, wanted above 0 and at most 1", topP);
    }

    /// The likeliest token, always.
    public static Sampler greedy() {
        return new Sampler(0, 1, 0);
    }

    /// The token that follows; `logits [vocab]` F32, `position` the index that the new token will have.
    public int next(Tensor logits, long position) {
        int vocab = Math.toIntExact(logits.shape().size());
        int best = 0;
        for (int id = 0; id < vocab; id++) {
            float logit = logits.data().getAtIndex(JAVA_FLOAT, id);
            checkInput(!Float.isNaN(logit), "logits: token %d has no number (NaN); the model's weights are damaged or training has diverged", id);
            if (logit > logits.data().getAtIndex(JAVA_FLOAT, best)) {
                best = id;
            }
        }
        return temperature == 0 ? best : draw(logits, vocab, logits.data().getAtIndex(JAVA_FLOAT, best), position);
    }

    private int draw(Tensor logits, int vocab, float largest, long position) {
        float rate = (float) (1 / temperature);
        long[] order = new long[vocab];                          // sorts by probability downwards, then by id
        for (int id = 0; id < vocab; id++) {
            float weight = Elementary.exp((logits.data().getAtIndex(JAVA_FLOAT, id) - largest) * rate);
            order[id] = (long) (Integer.MAX_VALUE - Float.floatToRawIntBits(weight)) << 32 | id;
        }
        Arrays.sort(order);
        double total = 0;
        for (long entry : order) {
            total += weight(entry);
        }
        double kept = 0;
        int count = 0;
        while (count < vocab && (count == 0 || kept < topP * total)) {
            kept += weight(order[count++]);
        }
        double drawn = (RandomKey.ofSeed(seed).at("sample").bits(position) >>> 11) * 0x1p-53 * kept;
        double sum = 0;
        for (int i = 0; i < count; i++) {
            sum += weight(order[i]);
            if (sum > drawn) {
                return (int) order[i];
            }
        }
        return (int) order[count - 1];
    }

    private static float weight(long entry) {
        return Float.intBitsToFloat(Integer.MAX_VALUE - (int) (entry >> 32));
    }
}
