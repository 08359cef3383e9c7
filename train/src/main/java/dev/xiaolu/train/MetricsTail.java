package dev.xiaolu.train;

import dev.xiaolu.platform.DiskException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/// Follows a run's `metrics.jsonl` from outside, while it is written: each call of [#follow] reads what is new. A run that goes back to an earlier step puts another file in its place, which is read from its beginning.
///
/// Keeps the curves of all steps and whole rows of the last few. One thread at a time.
public final class MetricsTail {
    private static final int WHOLE_ROWS = 20;
    private static final int AT_ONCE = 1 << 20;

    private final Path file;
    private final List<double[]> loss = new ArrayList<>();
    private final List<double[]> validation = new ArrayList<>();
    private final Deque<Metrics> last = new ArrayDeque<>();
    private Object key;                                          // which file it was, null before there is one
    private long read;                                           // bytes of whole lines

    /// Nothing is read yet.
    public MetricsTail(Path file) {
        this.file = file;
    }

    /// Reads whole lines that have come since.
    public void follow() {
        try {
            Object now = Files.readAttributes(file, BasicFileAttributes.class).fileKey();    // before it is opened: one that is put in its place in between is noticed the next time
            if (!Objects.equals(key, now)) {
                forget();
            }
            key = now;
            read();
        } catch (NoSuchFileException none) {
            forget();
        } catch (IOException failed) {
            throw DiskException.of("read", file, String.valueOf(failed.getMessage()), failed);
        }
    }

    private void read() throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            if (channel.size() < read) {
                forget();
            }
            var bytes = ByteBuffer.allocate(AT_ONCE);
            while (channel.read(bytes, read) > 0) {
                int whole = lines(bytes.array(), bytes.position());
                if (whole == 0) {
                    return;                                      // the rest of the line is still to come
                }
                read += whole;
                bytes.clear();
            }
        }
    }

    private void forget() {
        loss.clear();
        validation.clear();
        last.clear();
        read = 0;
    }

    private int lines(byte[] bytes, int length) {
        int from = 0;
        for (int i = 0; i < length; i++) {
            if (bytes[i] == '\n') {
                JsonLines.object(new String(bytes, from, i - from, StandardCharsets.UTF_8)).map(Metrics::of).ifPresent(this::add);
                from = i + 1;
            }
        }
        return from;
    }

    private void add(Metrics row) {
        loss.add(new double[] {row.step(), row.loss()});
        row.validationLoss().ifPresent(value -> validation.add(new double[] {row.step(), value}));
        last.addLast(row);
        if (last.size() > WHOLE_ROWS) {
            last.removeFirst();
        }
    }

    /// The newest step; 0 before the first.
    public long step() {
        return last.isEmpty() ? 0 : last.getLast().step();
    }

    /// The newest row.
    public Optional<Metrics> newest() {
        return Optional.ofNullable(last.peekLast());
    }

    /// The newest rows, the newest last.
    public List<Metrics> last() {
        return List.copyOf(last);
    }

    /// Pairs of step and training loss.
    List<double[]> loss() {
        return loss;
    }

    /// Pairs of step and loss on held-out text.
    List<double[]> validation() {
        return validation;
    }
}
