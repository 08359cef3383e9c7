package dev.xiaolu.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;

/// Texts in which the hard places of splitting are frequent, drawn from a seed.
final class RandomTexts {
    private static final String[] POOLS = {"abcdefgstvmlrd", "ABSTLMDRVE", "0123456789", " ", "  \t", "\n\r\n", "'", "'\u2019\"", ".,;:!?-_()[]{}/\\#@$%^&*+=<>|~`",
        "äöüßéſKŉ", "жЯλΩ", "的一是龥鿿㐀", "あアー・゛\u3097ん", "가힣", "ابة", "\u0301\u0323\u093e\u20dd", "٣४½²Ⅷ①〇", "€§×→★\uFF5E", "\u00A0\u2003\u3000\u2028\u0085\u000B",
        "\u200B\u200D\uFEFF\u0000\u001F\u0378", "ǅᾈʰªº", "🦌🎉👍🏽𝟙𠀀𝒳"};

    private final SplittableRandom random;

    RandomTexts(long seed) {
        random = new SplittableRandom(seed);
    }

    /// A text of up to about `length` characters; short runs out of a few pools.
    String next(int length) {
        var text = new StringBuilder();
        int wanted = random.nextInt(length + 1);
        while (text.length() < wanted) {
            int[] pool = POOLS[random.nextInt(POOLS.length)].codePoints().toArray();
            int run = 1 + random.nextInt(random.nextInt(8) == 0 ? 20 : 4);
            for (int i = 0; i < run; i++) {
                text.appendCodePoint(pool[random.nextInt(pool.length)]);
            }
            if (random.nextInt(12) == 0) {
                text.appendCodePoint(anyCodePoint());
            }
        }
        return text.toString();
    }

    /// Any code point but a surrogate.
    int anyCodePoint() {
        int c = random.nextInt(Characters.END - 0x800);
        return c < 0xD800 ? c : c + 0x800;
    }

    /// The UTF-8 of a text with a few bytes lost, changed or added.
    byte[] broken(int length) {
        byte[] bytes = (next(length) + "x").getBytes(StandardCharsets.UTF_8);
        for (int i = random.nextInt(4); i >= 0; i--) {
            int at = random.nextInt(bytes.length);
            bytes[at] = (byte) (random.nextBoolean() ? random.nextInt(256) : 0xC0 | random.nextInt(64));
        }
        return java.util.Arrays.copyOf(bytes, Math.max(1, bytes.length - random.nextInt(4)));
    }

    int nextInt(int bound) {
        return random.nextInt(bound);
    }
}
