package dev.xiaolu.data;

import static dev.xiaolu.platform.Check.checkInput;

import com.github.luben.zstd.ZstdInputStream;
import dev.xiaolu.platform.InputException;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.IntPredicate;
import java.util.zip.GZIPInputStream;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;

/// A JSON object on each line, the text in one of its fields; plain, `.gz` or `.zst`. Empty lines are passed over, empty texts too.
record JsonLinesSource(Path file, String name, String field) implements Source {
    private static final int BUFFER = 1 << 16;

    private static final JsonFactory FACTORY = JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
        .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(200).maxStringLength((int) MAX_DOCUMENT_BYTES).build()).build();

    @Override public void list(Listing listing) throws IOException {
        texts((line, text) -> listing.add(name + ":" + line, text.length));
    }

    @Override public void read(IntPredicate wanted, Consumer<Document> sink) throws IOException {
        int[] place = new int[1];
        texts((line, text) -> {
            if (wanted.test(place[0]++)) {
                sink.accept(new Document(file + " line " + line, text));
            }
        });
    }

    @FunctionalInterface
    private interface Texts {
        void take(long line, byte[] text);
    }

    private void texts(Texts texts) throws IOException {
        long number = 0;
        try (InputStream in = open(); var lines = new Lines(in)) {
            while (lines.next()) {
                number++;
                if (!lines.isBlank()) {
                    byte[] text = text(number, lines.bytes, lines.length);
                    if (text.length > 0) {
                        texts.take(number, text);
                    }
                }
            }
        } catch (IOException broken) {
            throw Source.broken(file, "after line " + number, broken);
        }
    }

    private InputStream open() throws IOException {
        InputStream raw = Files.newInputStream(file);
        try {
            return name.endsWith(".gz") ? new GZIPInputStream(raw, BUFFER) : name.endsWith(".zst") ? new ZstdInputStream(new BufferedInputStream(raw, BUFFER)) : raw;
        } catch (IOException broken) {
            raw.close();
            throw broken;
        }
    }

    private byte[] text(long line, byte[] json, int length) {
        List<String> others = new ArrayList<>();
        byte[] text = null;
        try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), json, 0, length)) {
            checkInput(parser.nextToken() == JsonToken.START_OBJECT, "%s line %d: not a JSON object", file, line);
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                String key = parser.currentName();
                JsonToken value = parser.nextToken();
                if (key.equals(field)) {
                    checkInput(value == JsonToken.VALUE_STRING, "%s line %d: field '%s' is no text", file, line, field);
                    text = parser.getString().getBytes(StandardCharsets.UTF_8);
                } else {
                    others.add(key);
                    parser.skipChildren();
                }
            }
            checkInput(parser.nextToken() == null, "%s line %d: more than one JSON object", file, line);
        } catch (JacksonException broken) {
            throw new InputException("%s line %d: not valid JSON, column %d: %s".formatted(file, line, Math.max(1, broken.getLocation().getColumnNr()), broken.getOriginalMessage()), broken);
        }
        checkInput(text != null, "%s line %d: no field '%s' among %s; name the field with the text by data.text_field", file, line, field, others);
        return text;
    }

    /// Lines of bytes, without their ends; the buffer is used again for the next.
    private static final class Lines implements AutoCloseable {
        private final InputStream in;
        private final byte[] buffer = new byte[BUFFER];
        private int at;
        private int end;
        private byte[] bytes = new byte[BUFFER];
        private int length;

        Lines(InputStream in) {
            this.in = in;
        }

        boolean next() throws IOException {
            length = 0;
            for (boolean any = false;; any = true) {
                if (at == end) {
                    at = 0;
                    end = Math.max(0, in.read(buffer, 0, BUFFER));
                    if (end == 0) {
                        return any && length > 0;
                    }
                }
                int start = at;
                while (at < end && buffer[at] != '\n') {
                    at++;
                }
                append(start, at - start);
                if (at < end) {
                    at++;
                    return true;
                }
            }
        }

        private void append(int from, int count) throws IOException {
            if (length + (long) count > MAX_DOCUMENT_BYTES) {
                throw new IOException("a line of more than " + MAX_DOCUMENT_BYTES + " bytes");
            }
            if (length + count > bytes.length) {
                bytes = Arrays.copyOf(bytes, (int) Math.min(MAX_DOCUMENT_BYTES, Math.max(2L * bytes.length, length + count)));
            }
            System.arraycopy(buffer, from, bytes, length, count);
            length += count;
        }

        boolean isBlank() {
            for (int i = 0; i < length; i++) {
                if (bytes[i] != ' ' && bytes[i] != '\t' && bytes[i] != '\r') {
                    return false;
                }
            }
            return true;
        }

        @Override public void close() throws IOException {
            in.close();
        }
    }
}
