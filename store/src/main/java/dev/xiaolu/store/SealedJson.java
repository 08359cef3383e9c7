package dev.xiaolu.store;

import static dev.xiaolu.platform.Check.check;
import static dev.xiaolu.platform.Check.checkInput;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import tools.jackson.databind.JsonNode;

/// A JSON object whose last line is the SHA-256 of all lines before it, so that a reader knows every byte to be as it was written.
public final class SealedJson {
    private static final String OPEN_END = "\n}\n";
    private static final String SEAL = ",\n  \"manifest_sha256\": \"";
    private static final String END = "\"\n}\n";
    private static final int TAIL = SEAL.length() + 64 + END.length();

    private SealedJson() {}

    /// The bytes of an object, which may be anything that [Json#write] takes but not empty.
    public static byte[] write(Object object) {
        byte[] open = Json.write(object);
        check(new String(open, StandardCharsets.UTF_8).endsWith(OPEN_END), "only an object that is not empty can be sealed");
        byte[] body = Arrays.copyOf(open, open.length - OPEN_END.length());
        byte[] tail = (SEAL + Sha256.hex(body) + END).getBytes(StandardCharsets.UTF_8);
        byte[] all = Arrays.copyOf(body, body.length + tail.length);
        System.arraycopy(tail, 0, all, body.length, tail.length);
        return all;
    }

    /// Reads the bytes back; refuses them when one is not as it was written. `subject` opens the message.
    public static JsonNode read(String subject, byte[] bytes) {
        int body = bytes.length - TAIL;
        checkInput(body > 0, "%s is cut short: it has %d bytes", subject, bytes.length);
        String tail = new String(bytes, body, TAIL, StandardCharsets.UTF_8);
        String wanted = SEAL + Sha256.hex(Arrays.copyOf(bytes, body)) + END;
        checkInput(tail.equals(wanted), "%s is damaged: its last line is not the SHA-256 of the lines before", subject);
        return Json.readObject(subject, bytes);
    }
}
