package dev.xiaolu.train;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.DiskException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// A file of one JSON object a line, each with a `step`, that is appended to while a run goes on.
///
/// A line is there whole or not at all: a torn last line is dropped when the file is opened, and so is a line that a failed write left half done.
/// One thread at a time; open until [#close].
public final class JsonLines implements AutoCloseable {
    private final Path file;
    private final FileChannel channel;
    private long length;

    private JsonLines(Path file, FileChannel channel, long length) {
        this.file = file;
        this.channel = channel;
        this.length = length;
    }

    /// Opens `file` to go on after step `done` (0: from the start): lines of later steps are dropped, as the run will write them again.
    public static JsonLines goOn(Path file, long done) {
        try {
            var kept = new StringBuilder();
            for (String line : lines(file)) {
                JsonNode node = parse(line);
                if (node != null && node.path("step").asLong(Long.MAX_VALUE) <= done) {
                    kept.append(line).append('\n');
                }
            }
            byte[] bytes = kept.toString().getBytes(StandardCharsets.UTF_8);
            Disk.real().replace(file, bytes);
            return new JsonLines(file, FileChannel.open(file, StandardOpenOption.WRITE), bytes.length);
        } catch (IOException failed) {
            throw DiskException.of("open", file, String.valueOf(failed.getMessage()), failed);
        }
    }

    /// Adds one line.
    public void append(String json) {
        ByteBuffer bytes = ByteBuffer.wrap((json + "\n").getBytes(StandardCharsets.UTF_8));
        int size = bytes.remaining();
        try {
            while (bytes.hasRemaining()) {
                channel.write(bytes, length + bytes.position());
            }
            length += size;
        } catch (IOException failed) {
            cut();
            throw DiskException.of("write", file, String.valueOf(failed.getMessage()), failed);
        }
    }

    /// Makes the lines so far outlast a loss of power.
    public void force() {
        try {
            channel.force(false);
        } catch (IOException failed) {
            throw DiskException.of("write", file, String.valueOf(failed.getMessage()), failed);
        }
    }

    /// Every whole line of a file, read by `reader`; none where there is no file.
    public static <T> List<T> read(Path file, Function<JsonNode, T> reader) {
        try {
            return lines(file).stream().map(JsonLines::parse).filter(node -> node != null).map(reader).toList();
        } catch (IOException failed) {
            throw DiskException.of("read", file, String.valueOf(failed.getMessage()), failed);
        }
    }

    @Override public void close() {
        try {
            channel.close();
        } catch (IOException failed) {
            throw DiskException.of("close", file, String.valueOf(failed.getMessage()), failed);
        }
    }

    private void cut() {
        try {
            channel.truncate(length);
        } catch (IOException stillFull) {
            return;                                                  // the next append overwrites the half line, the next opening drops it
        }
    }

    /// The lines that end with a line end.
    private static List<String> lines(Path file) throws IOException {
        byte[] bytes;
        try {
            bytes = Files.readAllBytes(file);
        } catch (NoSuchFileException none) {
            return List.of();
        }
        var lines = new ArrayList<String>();
        int from = 0;
        for (int i = 0; i < bytes.length; i++) {
            if (bytes[i] == '\n') {
                lines.add(new String(bytes, from, i - from, StandardCharsets.UTF_8));
                from = i + 1;
            }
        }
        return lines;
    }

    /// The object on a line, where there is one.
    static Optional<JsonNode> object(String line) {
        return Optional.ofNullable(parse(line));
    }

    /// The object on a line, or null where there is none.
    private static JsonNode parse(String line) {
        try {
            JsonNode node = JsonMapper.shared().readTree(line);
            return node.isObject() ? node : null;
        } catch (JacksonException torn) {
            return null;
        }
    }
}
