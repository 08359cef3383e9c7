package dev.xiaolu.rank;

import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;

/// Room for a copy of a part of a checkpoint, kept from one to the next: pages that are fresh each time cost as much as the copying. One thread at a time.
final class Snapshot implements AutoCloseable {
    private static final long ALIGNMENT = 64;

    private Arena arena;
    private MemorySegment room = MemorySegment.NULL;

    /// A copy of these tensors, which lives until the next one.
    Slot.Part of(Slot.Part part) {
        long bytes = bytes(part.weights().values()) + bytes(part.optimizer().values());
        if (bytes > room.byteSize()) {
            close();
            arena = Arena.ofShared();
            room = arena.allocate(bytes, ALIGNMENT);
        }
        var copy = new Slot.Part(new LinkedHashMap<>(), new LinkedHashMap<>());
        copy(part.optimizer(), copy.optimizer(), copy(part.weights(), copy.weights(), 0));
        return copy;
    }

    private static long bytes(Collection<Tensor> tensors) {
        return tensors.stream().mapToLong(tensor -> aligned(tensor.type().bytes())).sum();
    }

    private static long aligned(long bytes) {
        return (bytes + ALIGNMENT - 1) & -ALIGNMENT;
    }

    private long copy(Map<String, Tensor> from, Map<String, Tensor> to, long begin) {
        long at = begin;
        for (var one : from.entrySet()) {
            long bytes = one.getValue().type().bytes();
            MemorySegment place = room.asSlice(at, bytes);
            place.copyFrom(one.getValue().data().asSlice(0, bytes));
            to.put(one.getKey(), Tensor.of(one.getValue().type(), place));
            at += aligned(bytes);
        }
        return at;
    }

    @Override public void close() {
        if (arena != null) {
            arena.close();
            arena = null;
            room = MemorySegment.NULL;
        }
    }
}
