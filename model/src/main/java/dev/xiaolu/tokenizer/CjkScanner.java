package dev.xiaolu.tokenizer;

/// The second pattern of DeepSeek-V3: runs of the common Chinese characters and of Japanese syllables.
final class CjkScanner implements Scanner {
    static final String PATTERN = "[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+";

    @Override public int wordEnd(byte[] text, int from, int end) {
        boolean first = cjk(text, from);
        int at = from;
        do {
            at += Utf8.width(text[at]);
        } while (at < end && cjk(text, at) == first);
        return at;
    }

    private static boolean cjk(byte[] text, int at) {
        int lead = text[at] & 0xFF;
        if (lead < 0xE3 || lead > 0xE9) {
            return false;
        }
        int c = Utf8.codePointAt(text, at);
        return c >= 0x4E00 && c <= 0x9FA5 || c >= 0x3040 && c <= 0x30FF;
    }
}
