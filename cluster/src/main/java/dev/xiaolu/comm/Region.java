package dev.xiaolu.comm;

import static dev.xiaolu.platform.Check.check;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.xiaolu.platform.InputException;
import dev.xiaolu.platform.Pages;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;

/// Memory of this process that processes of the same run may read: those on this host by mapping its file, others by asking ([Regions]).
///
/// What is allocated in the same order lies at the same offset in every process. Pages that were never written take no memory. The file is for its owner alone.
/// Allocating is for one thread; reading what another process writes at the same time is for the protocol above to rule out.
public final class Region implements AutoCloseable {
    static final long MAGIC = 0x314F_4947_4552_4C58L;            // "XLREGIO1", little-endian
    static final int HEADER_BYTES = 64;

    private static final String PREFIX = "xiaolu-";
    private static final long CHUNK_BYTES = 64L << 20;

    private final Path file;
    private final FileChannel channel;
    private final long most;                                     // bytes of the whole file system
    private final Arena memory = Arena.ofShared();
    private final TreeMap<Long, MemorySegment> byAddress = new TreeMap<>();              // chunks by the address they begin at
    private final TreeMap<Long, MemorySegment> byOffset = new TreeMap<>();
    private long end;                                            // bytes of the file
    private long used;                                           // bytes handed out of the newest chunk
    private MemorySegment chunk = MemorySegment.NULL;

    private Region(Path file, FileChannel channel, long most) {
        this.file = file;
        this.channel = channel;
        this.most = most;
    }

    /// Makes the region of process `id` in `folder`, best one in memory; see [#folder].
    public static Region create(Path folder, long id) {
        Path file = file(folder, id);
        try {
            FileAttribute<?>[] rights = Files.getFileStore(folder).supportsFileAttributeView("posix")
                    ? new FileAttribute<?>[] {PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))} : new FileAttribute<?>[0];
            var channel = FileChannel.open(file, Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.SPARSE), rights);
            var region = new Region(file, channel, Files.getFileStore(folder).getTotalSpace());
            channel.tryLock();                                   // until the process ends, however it does: so others know that nobody is left
            MemorySegment header = region.allocate(HEADER_BYTES, 64);
            header.set(JAVA_LONG, 0, MAGIC);
            header.set(JAVA_LONG, 8, id);
            return region;
        } catch (IOException failed) {
            throw new InputException("shared memory %s: cannot be made: %s; make room there".formatted(file, failed.getMessage()), failed);
        }
    }

    static Path file(Path folder, long id) {
        return folder.resolve("region-%016x".formatted(id));
    }

    /// Where memory of a run on this host lives: a folder for its owner alone in the host's memory file system, or among its temporary files; made where it is missing.
    public static Path folder(String run) {
        return folder(parent(), run);
    }

    private static Path parent() {
        Path memory = Path.of("/dev/shm");
        return Files.isDirectory(memory) && Files.isWritable(memory) ? memory : Path.of(System.getProperty("java.io.tmpdir"));
    }

    /// The same in `parent`, where others may have put something of that name first.
    static Path folder(Path parent, String run) {
        Path folder = parent.resolve(PREFIX + run);
        try {
            if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
                Files.createDirectory(folder, Files.getFileStore(parent).supportsFileAttributeView("posix")
                        ? new FileAttribute<?>[] {PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"))} : new FileAttribute<?>[0]);
            }
        } catch (FileAlreadyExistsException _) {
            // another process of the run was quicker, or somebody else
        } catch (IOException failed) {
            throw new InputException("shared memory %s: cannot be made: %s".formatted(folder, failed.getMessage()), failed);
        }
        checkOwn(folder);
        return folder;
    }

    /// Weights are read from there, and all of it is deleted at the end: refuses links, and folders that others own or can write to.
    private static void checkOwn(Path folder) {
        try {
            boolean own = Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS);
            if (own && Files.getFileStore(folder).supportsFileAttributeView("posix")) {
                Path probe = Files.createTempFile(folder, "owner", "");
                own = Files.getPosixFilePermissions(folder, LinkOption.NOFOLLOW_LINKS).equals(PosixFilePermissions.fromString("rwx------"))
                        && Files.getOwner(probe).equals(Files.getOwner(folder, LinkOption.NOFOLLOW_LINKS));
                Files.delete(probe);
            }
            if (!own) {
                throw InputException.of("shared memory %s: wanted a folder of this user with the rights rwx------, found something else of that name; remove it, or give the run another XIAOLU_RUN_ID", folder);
            }
        } catch (IOException failed) {
            throw new InputException("shared memory %s: cannot be used: %s".formatted(folder, failed.getMessage()), failed);
        }
    }

    /// Removes what processes of the run have left there, and the folder.
    public static void clear(Path folder) {
        if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        try (var files = Files.list(folder)) {
            for (Path left : files.toList()) {
                Files.deleteIfExists(left);
            }
            Files.deleteIfExists(folder);
        } catch (IOException _) {
            // somebody else removes it too, or the host will
        }
    }

    /// Removes what runs have left here that were ended without having the time for it: folders of the names that `isRun` knows, in which no process holds its region any more.
    public static void sweep(Predicate<String> isRun) {
        sweep(parent(), isRun);
    }

    static void sweep(Path parent, Predicate<String> isRun) {
        try (var folders = Files.newDirectoryStream(parent, PREFIX + "*")) {
            for (Path folder : folders) {
                if (isRun.test(folder.getFileName().toString().substring(PREFIX.length())) && isDead(folder)) {
                    clear(folder);
                }
            }
        } catch (IOException | DirectoryIteratorException _) {
            // it costs memory, no more
        }
    }

    /// A folder without a region may belong to a run that is about to begin.
    private static boolean isDead(Path folder) throws IOException {
        if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS) || !Files.isReadable(folder)) {
            return false;
        }
        boolean any = false;
        try (var regions = Files.newDirectoryStream(folder, "region-*")) {
            for (Path region : regions) {
                any = true;
                try (var channel = FileChannel.open(region, StandardOpenOption.WRITE); FileLock lock = channel.tryLock()) {
                    if (lock == null) {
                        return false;
                    }
                } catch (OverlappingFileLockException own) {
                    return false;
                }
            }
        }
        return any;
    }

    /// Removes what a process that has ended has left.
    public static void remove(Path folder, long id) {
        try {
            Files.deleteIfExists(file(folder, id));
        } catch (IOException _) {
            // the end of the run removes it
        }
    }

    /// Allocates here; its memory lives until the region is closed, and it cannot be closed by itself.
    public Arena arena() {
        return new Arena() {
            @Override public MemorySegment allocate(long bytes, long alignment) {
                return Region.this.allocate(bytes, alignment);
            }

            @Override public MemorySegment.Scope scope() {
                return memory.scope();
            }

            @Override public void close() {
                throw new UnsupportedOperationException("memory of a region lives as long as the region");
            }
        };
    }

    private MemorySegment allocate(long bytes, long alignment) {
        check(alignment <= HEADER_BYTES, "an alignment of %d bytes, wanted at most %d", alignment, HEADER_BYTES);
        long wanted = (Math.max(1, bytes) + HEADER_BYTES - 1) & -HEADER_BYTES;
        try {
            if (chunk.byteSize() - used < wanted) {
                long size = Math.max(CHUNK_BYTES, wanted);
                if (size > most - end) {                         // a page that cannot be had later would end the process without a word
                    throw InputException.of("shared memory %s: its file system has %d MiB, wanted %d MiB and more; make it larger, in a container with --shm-size, or train a smaller model", file,
                            most >> 20, end + size >> 20);
                }
                chunk = Pages.plain(channel.map(FileChannel.MapMode.READ_WRITE, end, size, memory), memory);
                byAddress.put(chunk.address(), chunk);
                byOffset.put(end, chunk);
                end += size;
                used = 0;
            }
        } catch (IOException failed) {
            throw new InputException("shared memory %s: %d bytes more cannot be had: %s; make room there".formatted(file, wanted, failed.getMessage()), failed);
        }
        MemorySegment part = chunk.asSlice(used, bytes);
        used += wanted;
        return part;
    }

    /// Where memory that was allocated here lies, in bytes from the beginning.
    public long offsetOf(MemorySegment part) {
        Map.Entry<Long, MemorySegment> holder = byAddress.floorEntry(part.address());
        check(holder != null && part.address() + part.byteSize() <= holder.getKey() + holder.getValue().byteSize(), "the memory at %x is not of region %s", part.address(), file);
        MemorySegment found = holder.getValue();
        long before = byOffset.entrySet().stream().filter(each -> each.getValue() == found).findFirst().orElseThrow().getKey();
        return before + part.address() - holder.getKey();
    }

    /// The memory at an offset, as others ask for it; read-only, null where there is none of that length in one piece.
    MemorySegment at(long offset, long bytes) {
        Map.Entry<Long, MemorySegment> holder = offset < HEADER_BYTES || bytes < 0 ? null : byOffset.floorEntry(offset);
        if (holder == null || offset - holder.getKey() > holder.getValue().byteSize() - bytes) {
            return null;
        }
        return holder.getValue().asSlice(offset - holder.getKey(), bytes).asReadOnly();
    }

    /// Maps the region of another process on this host; null where there is none of that name here.
    static MemorySegment map(Path folder, long id, Arena arena) {
        Path file = file(folder, id);
        if (!Files.isRegularFile(file)) {
            return null;
        }
        try (var channel = FileChannel.open(file, StandardOpenOption.READ)) {
            MemorySegment all = Pages.plain(channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena), arena).asReadOnly();
            boolean right = all.byteSize() >= HEADER_BYTES && all.get(JAVA_LONG, 0) == MAGIC && all.get(JAVA_LONG, 8) == id;
            return right ? all : null;
        } catch (IOException gone) {
            return null;
        }
    }

    /// Bytes that are handed out or may be: what a process with every page written takes.
    public long bytes() {
        return end;
    }

    @Override public void close() {
        try {
            memory.close();
            channel.close();
            Files.deleteIfExists(file);
        } catch (IOException _) {
            // the end of the run removes the file
        }
    }

    @Override public String toString() {
        return "region %s of %d bytes".formatted(file, end);
    }

    /// Copies bytes between memories.
    static void copy(MemorySegment from, long at, MemorySegment into, long to, long bytes) {
        MemorySegment.copy(from, JAVA_BYTE, at, into, JAVA_BYTE, to, bytes);
    }
}
