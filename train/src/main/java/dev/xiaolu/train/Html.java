package dev.xiaolu.train;

/// Text made safe to stand in a page.
public final class Html {
    private Html() {}

    /// The text with everything that HTML would read as markup written out, and what cannot be shown replaced.
    public static String escape(String text) {
        var out = new StringBuilder(text.length() + 16);
        text.codePoints().forEach(c -> {
            switch (c) {
                case '&' -> out.append("&amp;");
                case '<' -> out.append("&lt;");
                case '>' -> out.append("&gt;");
                case '"' -> out.append("&quot;");
                case '\'' -> out.append("&#39;");
                default -> {
                    boolean shown = c == '\n' || c == '\t' || c >= ' ' && c != 0x7F && !(c >= 0xD800 && c <= 0xDFFF) && c != 0xFFFE && c != 0xFFFF;
                    out.appendCodePoint(shown ? c : 0xFFFD);
                }
            }
        });
        return out.toString();
    }
}
