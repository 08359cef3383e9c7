package dev.xiaolu.tokenizer;

import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.List;
import java.util.function.UnaryOperator;

/// The Unicode normal forms that a tokenizer applies before it splits, in order.
///
/// @param forms   none for a tokenizer without a normalizer
record TextNormalizer(List<Normalizer.Form> forms) implements UnaryOperator<byte[]> {
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
                if (!Normalizer.isNormalized(read, form)) {
                    now = Normalizer.normalize(read, form).getBytes(StandardCharsets.UTF_8);
                }
            }
        }
        return now;
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
