package dev.xiaolu.sim;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.recover.History;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.function.Consumer;

/// Writes the history of a simulated run to a file as it goes, below a line that replays the run. [LogCheck] reads it.
public final class LogWriter implements Consumer<History.Turn>, AutoCloseable {
    private static final int CHUNK = 1 << 20;

    private final Disk.Output out;
    private final StringBuilder text = new StringBuilder();

    /// Begins the file; one of that name is emptied.
    public LogWriter(Disk disk, Path file, Scenario scenario) {
        out = disk.create(file);
        line(LogCheck.COMMENT + " " + scenario.command());
    }

    @Override public void accept(History.Turn turn) {
        turn.lines().forEach(this::line);
    }

    private void line(String line) {
        text.append(line).append('\n');
        if (text.length() >= CHUNK) {
            flush();
        }
    }

    private void flush() {
        out.write(ByteBuffer.wrap(text.toString().getBytes(StandardCharsets.UTF_8)));
        text.setLength(0);
    }

    @Override public void close() {
        try (out) {
            flush();
        }
    }
}
