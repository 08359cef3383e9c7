package dev.xiaolu.rank;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.DiskException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;

/// The real disk, which is full for so many new files as a drill wants. Thread-safe.
///
/// @param real    does everything else
/// @param refusals how many files are still to be refused
record FullDisk(Disk real, AtomicLong refusals) implements Disk {
    @Override public Output create(Path file) {
        if (refusals.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
            throw DiskException.full(file, null);
        }
        return real.create(file);
    }

    @Override public byte[] read(Path file) {
        return real.read(file);
    }

    @Override public MemorySegment map(Path file, Arena arena) {
        return real.map(file, arena);
    }

    @Override public void move(Path from, Path to) {
        real.move(from, to);
    }

    @Override public void forceDirectory(Path folder) {
        real.forceDirectory(folder);
    }

    @Override public List<Path> list(Path folder) {
        return real.list(folder);
    }

    @Override public void delete(Path path) {
        real.delete(path);
    }

    @Override public boolean exists(Path path) {
        return real.exists(path);
    }

    @Override public boolean isDirectory(Path path) {
        return real.isDirectory(path);
    }

    @Override public long size(Path file) {
        return real.size(file);
    }

    @Override public void createDirectories(Path folder) {
        real.createDirectories(folder);
    }

    @Override public Optional<Lock> tryLock(Path file, String holder) {
        return real.tryLock(file, holder);
    }
}
