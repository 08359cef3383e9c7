package dev.xiaolu.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Off-heap memory that only grows, aligned to 64 bytes; growing loses what it held. Freed by [#close]. One thread at a time grows it.
final class Buffer implements AutoCloseable {
    private Arena arena;
    private MemorySegment memory = MemorySegment.NULL;

    /// The memory, of at least so many bytes.
    MemorySegment atLeast(long bytes) {
        if (memory.byteSize() < bytes) {
            close();
            arena = Arena.ofShared();
            memory = arena.allocate(bytes, 64);
        }
        return memory;
    }

    @Override public void close() {
        if (arena != null) {
            arena.close();
            arena = null;
            memory = MemorySegment.NULL;
        }
    }
}
