package dev.xiaolu.comm;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.regex.Pattern;

/// Names what speaks, from the first bytes of something that is no process of the run.
final class Stranger {
    private static final Pattern HTTP = Pattern.compile("(GET|HEAD|POST|PUT|OPTIONS|CONNECT|DELETE|PATCH|PRI) .*|HTTP/.*", Pattern.DOTALL);

    private Stranger() {}

    static String describe(byte[] first) {
        String text = new String(first, StandardCharsets.ISO_8859_1);
        String shown = text.chars().allMatch(c -> c >= ' ' && c < 127 || c == '\r' || c == '\n')
                ? "\"" + text.replace("\r", "\\r").replace("\n", "\\n") + "\"" : "bytes " + HexFormat.ofDelimiter(" ").formatHex(first);
        if (HTTP.matcher(text).matches()) {
            return "HTTP, " + shown;
        }
        if (first.length >= 2 && first[0] == 0x16 && first[1] == 3) {
            return "TLS, " + shown;
        }
        return text.startsWith("SSH-") ? "SSH, " + shown : shown;
    }
}
