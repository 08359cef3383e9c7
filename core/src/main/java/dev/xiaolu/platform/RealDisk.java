package dev.xiaolu.platform;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// [Disk] over `java.nio.file`.
final class RealDisk implements Disk {
    static final RealDisk INSTANCE = new RealDisk();

    /// The byte that is locked: far behind the holder's name, which stays readable where locks are mandatory.
    private static final long LOCKED_BYTE = 1L << 40;

    private RealDisk() {}

    @Override public Output create(Path file) {
        return attempt("create", file, () -> new RealOutput(file,
            FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)));
    }

    @Override public byte[] read(Path file) {
        return attempt("read", file, () -> Files.readAllBytes(file));
    }

    @Override public MemorySegment map(Path file, Arena arena) {
        return attempt("map", file, () -> {
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
                return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            }
        });
    }

    @Override public void move(Path from, Path to) {
        attempt("rename to " + to.getFileName(), from, () -> Files.move(from, to, StandardCopyOption.ATOMIC_MOVE));
    }

    @Override public void forceDirectory(Path folder) {
        attempt("force", folder, () -> {
            try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
                channel.force(true);
            } catch (AccessDeniedException noDirectoryHandles) {
                if (!System.getProperty("os.name").startsWith("Windows")) {        // there a folder cannot be opened, and needs no force
                    throw noDirectoryHandles;
                }
            }
            return null;
        });
    }

    @Override public List<Path> list(Path folder) {
        return attempt("list", folder, () -> {
            try (var paths = Files.list(folder)) {
                return paths.sorted(Comparator.comparing(path -> path.getFileName().toString())).toList();
            }
        });
    }

    @Override public void delete(Path path) {
        attempt("delete", path, () -> {
            Files.delete(path);
            return null;
        });
    }

    @Override public boolean exists(Path path) {
        return Files.exists(path, LinkOption.NOFOLLOW_LINKS);
    }

    @Override public boolean isDirectory(Path path) {
        return Files.isDirectory(path);
    }

    @Override public long size(Path file) {
        return attempt("measure", file, () -> Files.size(file));
    }

    @Override public void createDirectories(Path folder) {
        attempt("create", folder, () -> Files.createDirectories(folder));
    }

    @Override public Optional<Lock> tryLock(Path file, String holder) {
        return attempt("lock", file, () -> {
            FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            try {
                FileLock lock = channel.tryLock(LOCKED_BYTE, 1, false);
                if (lock == null) {
                    channel.close();
                    return Optional.empty();
                }
                channel.truncate(0);
                channel.write(ByteBuffer.wrap(holder.getBytes(StandardCharsets.UTF_8)), 0);
                return Optional.of(() -> attempt("unlock", file, () -> {
                    channel.truncate(0);
                    channel.close();                                               // frees the lock
                    return null;
                }));
            } catch (OverlappingFileLockException heldByThisProcess) {
                channel.close();
                return Optional.empty();
            } catch (IOException failure) {
                channel.close();
                throw failure;
            }
        });
    }

    private record RealOutput(Path file, FileChannel channel) implements Output {
        @Override public void write(ByteBuffer bytes) {
            attempt("write", file, () -> {
                while (bytes.hasRemaining()) {
                    channel.write(bytes);
                }
                return null;
            });
        }

        @Override public void force() {
            attempt("force", file, () -> {
                channel.force(true);
                return null;
            });
        }

        @Override public void close() {
            attempt("close", file, () -> {
                channel.close();
                return null;
            });
        }
    }

    @FunctionalInterface
    private interface Action<T> {
        T run() throws IOException;
    }

    private static <T> T attempt(String action, Path path, Action<T> work) {
        try {
            return work.run();
        } catch (IOException failure) {
            throw isFull(failure) ? DiskException.full(path, failure) : DiskException.of(action, path, words(failure), failure);
        }
    }

    /// There is no typed exception for a full disk: the words of Linux, macOS and Windows for it.
    private static boolean isFull(IOException failure) {
        String words = String.valueOf(failure.getMessage()).toLowerCase(Locale.ROOT);
        return words.contains("no space left") || words.contains("quota exceeded") || words.contains("not enough space");
    }

    private static String words(IOException failure) {
        return switch (failure) {
            case NoSuchFileException _ -> "no such file or folder";
            case AccessDeniedException _ -> "permission denied";
            case FileAlreadyExistsException _ -> "a file of that name exists";
            case DirectoryNotEmptyException _ -> "the folder is not empty";
            case NotDirectoryException _ -> "not a folder";
            case FileSystemException named when named.getReason() != null -> named.getReason();
            default -> String.valueOf(failure.getMessage());
        };
    }
}
