package dev.xiaolu.store;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;

/// The right to write into a run's folder: one process at a time. Ends with [#close], or with the process, however that ends.
public final class RunLock implements AutoCloseable {
    private static final String FILE = "run.lock";

    private final Disk.Lock lock;

    private RunLock(Disk.Lock lock) {
        this.lock = lock;
    }

    /// Takes the lock where nobody holds it.
    public static Optional<RunLock> tryTake(Disk disk, Path runFolder) {
        return disk.tryLock(runFolder.resolve(FILE), holder()).map(RunLock::new);
    }

    /// Takes the lock of a run's folder, which is made where it is missing; refuses when another holds it, and names that process.
    public static RunLock take(Disk disk, Path runFolder) {
        disk.createDirectories(runFolder);
        Path file = runFolder.resolve(FILE);
        return new RunLock(disk.tryLock(file, holder()).orElseThrow(() -> {
            String holder = new String(disk.read(file), StandardCharsets.UTF_8).strip();
            return InputException.of("%s: in use by %s; wait until it ends, or give this run another run.name or run.dir", runFolder,
                holder.isEmpty() ? "another process" : holder);
        }));
    }

    private static String holder() {
        ProcessHandle self = ProcessHandle.current();
        return "process %d, started %s%n".formatted(self.pid(), self.info().startInstant().orElseGet(Instant::now).truncatedTo(ChronoUnit.SECONDS));
    }

    @Override public void close() {
        lock.close();
    }
}
