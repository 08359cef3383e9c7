package dev.xiaolu.testkit;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.DiskException;
import dev.xiaolu.platform.RandomKey;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;

/// A disk that fills up, dies in the middle of an operation, or forgets at a loss of power what was not forced.
///
/// Works on real files below the temporary folder of a test. One thread at a time. The operations that change something are counted: every fault has a place that can be
/// visited by a loop. [#crash] takes back what the disk was free to lose; a disk that lies about forcing was free to lose everything.
public final class FaultyDisk implements Disk {
    private final Disk disk = Disk.real();
    private final Map<Path, Long> durable = new HashMap<>();        // bytes of a file that a crash leaves alone
    private final List<Name> names = new ArrayList<>();             // changes of names that a crash may take back, oldest first
    private long operations;
    private long written;
    private long killAt = Long.MAX_VALUE;
    private long room = Long.MAX_VALUE;
    private boolean lying;

    /// The process was killed: nothing that it does afterwards reaches the disk.
    public static final class Killed extends Error {
        private static final long serialVersionUID = 1L;

        Killed() {
            super("killed", null, false, false);
        }
    }

    /// A change of a name: a new file or folder (`from` is null), or a rename, which may have replaced a file of these bytes.
    private record Name(Path from, Path to, byte[] replaced) {}

    /// The process is killed in the middle of operation `operation`, counted from 0: of a write the first half happens, of anything else nothing.
    public FaultyDisk killAt(long operation) {
        killAt = operation;
        return this;
    }

    /// Only `bytes` more bytes fit.
    public FaultyDisk room(long bytes) {
        room = bytes;
        return this;
    }

    /// Forcing does nothing from now on, and says that it did.
    public FaultyDisk lying() {
        lying = true;
        return this;
    }

    /// Changing operations so far.
    public long operations() {
        return operations;
    }

    /// Bytes written so far.
    public long written() {
        return written;
    }

    /// Counts an operation; whether it is the one in whose middle the process dies.
    private boolean dies() {
        if (operations > killAt) {
            throw new Killed();
        }
        return operations++ == killAt;
    }

    private void change(Runnable work) {
        if (dies()) {
            throw new Killed();
        }
        work.run();
    }

    @Override public Output create(Path file) {
        boolean fresh = !disk.exists(file);
        change(() -> {});
        Output out = disk.create(file);
        durable.put(file, 0L);
        if (fresh) {
            names.add(new Name(null, file, null));
        }
        return new Output() {
            private long length;

            @Override public void write(ByteBuffer bytes) {
                boolean dies = dies();
                long fits = dies ? bytes.remaining() / 2 : Math.min(bytes.remaining(), room);
                boolean full = !dies && fits < bytes.remaining();
                out.write(bytes.slice(bytes.position(), (int) fits));
                length += fits;
                written += fits;
                room -= fits;
                if (dies) {
                    throw new Killed();
                }
                if (full) {
                    throw DiskException.full(file, null);
                }
                bytes.position(bytes.limit());
            }

            @Override public void force() {
                change(() -> {
                    if (!lying) {
                        durable.put(file, length);
                    }
                });
            }

            @Override public void close() {
                out.close();
            }
        };
    }

    @Override public void move(Path from, Path to) {
        change(() -> {
            byte[] replaced = Files.isRegularFile(to) ? disk.read(to) : null;
            disk.move(from, to);
            durable.remove(to);
            renamed(from, to);
            names.add(new Name(from, to, replaced));
        });
    }

    @Override public void forceDirectory(Path folder) {
        change(() -> {
            if (!lying) {
                names.removeIf(name -> folder.toAbsolutePath().equals(name.to.toAbsolutePath().getParent()));
            }
        });
    }

    @Override public void delete(Path path) {
        change(() -> {
            disk.delete(path);
            durable.remove(path);
            names.removeIf(name -> name.from == null && name.to.equals(path));
        });
    }

    @Override public void createDirectories(Path folder) {
        change(() -> {
            if (!disk.exists(folder)) {
                disk.createDirectories(folder);
                names.add(new Name(null, folder, null));
            }
        });
    }

    private void renamed(Path from, Path to) {
        for (Path file : List.copyOf(durable.keySet())) {
            if (file.startsWith(from)) {
                durable.put(to.resolve(from.relativize(file)), durable.remove(file));
            }
        }
        names.replaceAll(name -> name.to.startsWith(from) && name.from == null ? new Name(null, to.resolve(from.relativize(name.to)), null) : name);
    }

    /// The power fails: some of the newest unforced names are taken back, and unforced bytes are lost or turn into zeros, as `seed` has it.
    public void crash(long seed) {
        var random = new Random(RandomKey.mix(seed + 1));           // small seeds alone all begin alike
        try {
            for (int lost = random.nextBoolean() ? 0 : random.nextInt(names.size() + 1); lost > 0; lost--) {
                Name name = names.removeLast();
                if (!Files.exists(name.to)) {
                    continue;                                       // renamed or deleted since
                }
                if (name.from == null) {
                    disk.deleteTree(name.to);
                } else if (!Files.exists(name.from)) {
                    disk.move(name.to, name.from);
                    renamed(name.to, name.from);
                    if (name.replaced != null) {
                        Files.write(name.to, name.replaced);
                    }
                }
            }
            for (var entry : durable.entrySet()) {
                if (Files.exists(entry.getKey())) {
                    tear(entry.getKey(), entry.getValue(), random);
                }
            }
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    private static void tear(Path file, long durable, Random random) throws IOException {
        try (var channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            long unforced = channel.size() - durable;
            if (unforced <= 0) {
                return;
            }
            long kept = durable + random.nextLong(unforced + 1);
            if (random.nextBoolean()) {
                channel.truncate(kept);
            } else {
                channel.write(ByteBuffer.allocate((int) (channel.size() - kept)), kept);
            }
        }
    }

    @Override public byte[] read(Path file) {
        return disk.read(file);
    }

    @Override public MemorySegment map(Path file, Arena arena) {
        return disk.map(file, arena);
    }

    @Override public List<Path> list(Path folder) {
        return disk.list(folder);
    }

    @Override public boolean exists(Path path) {
        return disk.exists(path);
    }

    @Override public boolean isDirectory(Path path) {
        return disk.isDirectory(path);
    }

    @Override public long size(Path file) {
        return disk.size(file);
    }

    @Override public Optional<Lock> tryLock(Path file, String holder) {
        return disk.tryLock(file, holder);
    }
}
