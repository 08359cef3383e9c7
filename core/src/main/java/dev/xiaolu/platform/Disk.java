package dev.xiaolu.platform;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// The file system, as an interface so that a test can tear writes, fill the disk or pull the plug.
///
/// Small on purpose: what a program needs that must never leave half a file behind. Everything fails with [DiskException].
/// Thread-safe; one [Output] belongs to one thread.
public interface Disk {
    /// Opens a new empty file for writing; a file of that name is emptied.
    Output create(Path file);

    /// The whole file as a new array; for small files.
    byte[] read(Path file);

    /// The whole file as read-only memory, which lives as long as `arena`.
    MemorySegment map(Path file, Arena arena);

    /// Renames in one indivisible step, within one file system; a file of the new name is replaced, a folder only if it is empty.
    void move(Path from, Path to);

    /// Makes the names inside a folder (new, renamed, deleted) outlast a loss of power.
    void forceDirectory(Path folder);

    /// The paths inside a folder, sorted by name.
    List<Path> list(Path folder);

    /// Deletes a file or an empty folder.
    void delete(Path path);

    boolean exists(Path path);

    boolean isDirectory(Path path);

    /// Size of a file in bytes.
    long size(Path file);

    /// Makes a folder and those above it that are missing; does nothing where it exists.
    void createDirectories(Path folder);

    /// Takes the lock that `file` stands for and writes `holder` into the file, or gives nothing when another holds it.
    /// The system frees the lock when the process ends, however it ends.
    Optional<Lock> tryLock(Path file, String holder);

    /// Deletes a folder and all that is in it, or a file; does nothing when it does not exist. Links are deleted, not followed.
    default void deleteTree(Path path) {
        if (isDirectory(path) && !Files.isSymbolicLink(path)) {
            list(path).forEach(this::deleteTree);
        }
        if (exists(path)) {
            delete(path);
        }
    }

    /// Puts a small file in place so that a reader, now or after a crash, sees the old bytes or the new and never a part.
    default void replace(Path file, byte[] bytes) {
        Path fresh = file.resolveSibling("." + file.getFileName() + ".new");
        try (Output out = create(fresh)) {
            out.write(ByteBuffer.wrap(bytes));
            out.force();
        }
        move(fresh, file);
        forceDirectory(file.toAbsolutePath().getParent());
    }

    /// [#replace] with the UTF-8 bytes of a text.
    default void replace(Path file, String text) {
        replace(file, text.getBytes(StandardCharsets.UTF_8));
    }

    /// A file open for writing, from its start on.
    interface Output extends AutoCloseable {
        /// Writes all that remains in `bytes`.
        void write(ByteBuffer bytes);

        /// Makes everything written so far outlast a loss of power.
        void force();

        @Override void close();
    }

    /// A lock that is held until [#close].
    interface Lock extends AutoCloseable {
        @Override void close();
    }

    /// The machine's file system.
    static Disk real() {
        return RealDisk.INSTANCE;
    }
}
