package dev.xiaolu.tokenizer;

import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;

/// The Unicode normal forms that a tokenizer applies before it splits, in order.
///
/// Hugging Face normalizes by Unicode 9: a character that came later has no parts there, joins nothing and stays in its place. The JDK knows
/// later ones, so the text is cut at them and what lies between is normalized; the result is then the same on every JDK.
///
/// @param forms   none for a tokenizer without a normalizer
record TextNormalizer(List<Normalizer.Form> forms) implements UnaryOperator<byte[]> {
    /// First and last of the characters after Unicode 9 that would be changed or moved, or would join the next one; in rising order.
    private static final int[] LATER = {
        0x7FD, 0x7FD, 0x897, 0x89F, 0x8CA, 0x8D3, 0x9FE, 0x9FE, 0xC3C, 0xC3C, 0xD3B, 0xD3C, 0xEBA, 0xEBA, 0x1715, 0x1715, 0x1ABF, 0x1ACE, 0x1DF6, 0x1DFA,
        0x32FF, 0x32FF, 0xA7F2, 0xA7F4, 0xA82C, 0xA82C, 0xAB69, 0xAB69, 0x105C9, 0x105C9, 0x105D2, 0x105D2, 0x105DA, 0x105DA, 0x105E4, 0x105E4, 0x10781, 0x107BA,
        0x10D24, 0x10D27, 0x10D69, 0x10D6D, 0x10EAB, 0x10EAC, 0x10EFD, 0x10EFF, 0x10F46, 0x10F50, 0x10F82, 0x10F85, 0x11070, 0x11070, 0x1133B, 0x1133B,
        0x11382, 0x11385, 0x1138B, 0x11391, 0x113B8, 0x113D0, 0x1145E, 0x1145E, 0x11839, 0x1183A, 0x11930, 0x11943, 0x119E0, 0x119E0, 0x11A34, 0x11A34,
        0x11A47, 0x11A47, 0x11A99, 0x11A99, 0x11D42, 0x11D45, 0x11D97, 0x11D97, 0x11F41, 0x11F42, 0x1611E, 0x1612F, 0x16D63, 0x16D6A, 0x16FF0, 0x16FF1,
        0x1CCD6, 0x1CCF9, 0x1E030, 0x1E06D, 0x1E08F, 0x1E08F, 0x1E130, 0x1E136, 0x1E2AE, 0x1E2AE, 0x1E2EC, 0x1E2EF, 0x1E4EC, 0x1E4EF, 0x1E5EE, 0x1E5EF,
        0x1F16C, 0x1F16C, 0x1FBF0, 0x1FBF9};

    TextNormalizer {
        forms = List.copyOf(forms);
    }

    boolean isNone() {
        return forms.isEmpty();
    }

    /// The normal form of a text in UTF-8: the same array where the text is in that form already.
    @Override public byte[] apply(byte[] text) {
        byte[] now = text;
        for (Normalizer.Form form : forms) {
            if (!plain(now, form)) {
                String read = new String(now, StandardCharsets.UTF_8);
                String changed = normalize(read, form);
                if (!changed.equals(read)) {
                    now = changed.getBytes(StandardCharsets.UTF_8);
                }
            }
        }
        return now;
    }

    private static String normalize(String text, Normalizer.Form form) {
        if (Normalizer.isNormalized(text, form) && text.codePoints().noneMatch(TextNormalizer::later)) {
            return text;
        }
        var out = new StringBuilder(text.length() + 16);
        int from = 0;
        for (int at = 0; at < text.length(); ) {
            int c = text.codePointAt(at);
            int next = at + Character.charCount(c);
            if (later(c)) {
                out.append(Normalizer.normalize(text.substring(from, at), form)).append(text, at, next);
                from = next;
            }
            at = next;
        }
        return out.append(Normalizer.normalize(text.substring(from), form)).toString();
    }

    /// Whether a character came after Unicode 9 and the JDK may do something with it, or an even later JDK may.
    private static boolean later(int c) {
        if (c < LATER[0]) {
            return false;
        }
        int place = Arrays.binarySearch(LATER, c);
        boolean inRange = place >= 0 || (-place - 1 & 1) == 1;
        return inRange || Characters.category(c) == 0;
    }

    /// Whether the bytes alone show that nothing changes: ASCII always, and for NFC all characters before the first combining one, U+0300.
    private static boolean plain(byte[] text, Normalizer.Form form) {
        int limit = form == Normalizer.Form.NFC ? 0xCC : 0x80;
        for (byte b : text) {
            if ((b & 0xFF) >= limit) {
                return false;
            }
        }
        return true;
    }
}
