package dev.xiaolu.rank;

import dev.xiaolu.recover.History;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// The log of a control plane, as [History] reads it: what came, and what followed. Decides nothing, so a disk that refuses ends it quietly. One thread at a time.
final class ControlLog implements AutoCloseable {
    private BufferedWriter writer;                               // null once the disk has refused

    /// A new log in `file`.
    ControlLog(Path file) {
        try {
            writer = Files.newBufferedWriter(file, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE);
        } catch (IOException refused) {
            writer = null;
        }
    }

    void add(History.Turn turn) {
        if (writer == null) {
            return;
        }
        try {
            for (String line : turn.lines()) {
                writer.write(line);
                writer.write('\n');
            }
            writer.flush();
        } catch (IOException refused) {
            close();
            writer = null;
        }
    }

    @Override public void close() {
        try {
            if (writer != null) {
                writer.close();
            }
        } catch (IOException _) {
            // nothing depends on it
        }
    }
}
