package dev.xiaolu.rank;

import dev.xiaolu.recover.History;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/// The log of a control plane, as [History] reads it: what came, and what followed; after each event `# ` and its index. Whoever leads goes on with what the one before has written.
///
/// Decides nothing, so a disk that refuses ends it quietly. One thread at a time.
final class ControlLog implements AutoCloseable {
    /// Begins the line that ends a turn.
    private static final String MARK = "# ";
    private static final int TAIL_BYTES = 64 << 20;

    private BufferedWriter writer;                               // null once the disk has refused
    private long index = -1;

    /// Goes on in `file`, after the newest event that is there whole.
    ControlLog(Path file) {
        try {
            FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            channel.truncate(whole(channel));
            channel.position(channel.size());
            writer = new BufferedWriter(new OutputStreamWriter(Channels.newOutputStream(channel), StandardCharsets.UTF_8), 1 << 16);
        } catch (IOException refused) {
            writer = null;
        }
    }

    /// The bytes up to the end of the newest whole turn, whose index is noted.
    private long whole(FileChannel channel) throws IOException {
        long from = Math.max(0, channel.size() - TAIL_BYTES);
        var bytes = ByteBuffer.allocate((int) (channel.size() - from));
        while (bytes.hasRemaining() && channel.read(bytes, from + bytes.position()) > 0) {
            // goes on
        }
        String tail = new String(bytes.array(), 0, bytes.position(), StandardCharsets.ISO_8859_1);       // a character for each byte
        int end = tail.lastIndexOf('\n') + 1;
        int mark = end == 0 ? -1 : tail.lastIndexOf("\n" + MARK, end - 2);
        if (mark < 0) {
            return from == 0 ? 0 : channel.size();
        }
        int stop = tail.indexOf('\n', mark + 1);
        index = Long.parseLong(tail.substring(mark + 1 + MARK.length(), stop));
        return from + stop + 1;
    }

    /// The index of the newest event that is there, -1 where there is none.
    long index() {
        return index;
    }

    void add(long at, History.Turn turn) {
        if (writer == null || at <= index) {
            return;
        }
        try {
            for (String line : turn.lines()) {
                writer.write(line);
                writer.write('\n');
            }
            writer.write(MARK + at + "\n");
            writer.flush();
            index = at;
        } catch (IOException refused) {
            close();
            writer = null;
        }
    }

    /// What [History#parse] takes, from the lines of such a file.
    static List<String> turns(List<String> lines) {
        var turns = new ArrayList<String>();
        int whole = 0;
        for (String line : lines) {
            if (line.startsWith(MARK)) {
                whole = turns.size();
            } else {
                turns.add(line);
            }
        }
        return turns.subList(0, whole);
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
