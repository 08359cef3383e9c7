package dev.xiaolu.tensor;

import dev.xiaolu.shape.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// Memory for the tensors of one step: handed out in sequence, taken back all at once, kept between steps.
///
/// Slabs are added when a step needs more than the last one did and are freed by [#close]. Memory handed out is not cleared.
/// A tensor from here is dead after the [#reset] to a mark taken before it was made. One thread at a time.
public final class Scratch implements AutoCloseable {
    private static final long SLAB = 64L << 20;
    private static final long ALIGNMENT = 64;

    private final Arena arena = Arena.ofShared();
    private final List<MemorySegment> slabs = new ArrayList<>();
    private int slab;
    private long used;

    /// A contiguous tensor with unspecified elements, aligned to 64 bytes.
    public Tensor allocate(TensorType type) {
        long bytes = (Math.max(1, type.bytes()) + ALIGNMENT - 1) & -ALIGNMENT;
        while (slab < slabs.size() && slabs.get(slab).byteSize() - used < bytes) {
            slab++;
            used = 0;
        }
        if (slab == slabs.size()) {
            slabs.add(arena.allocate(Math.max(SLAB, bytes), ALIGNMENT));
        }
        Tensor tensor = Tensor.of(type, slabs.get(slab).asSlice(used, bytes));
        used += bytes;
        return tensor;
    }

    /// A place to come back to.
    public Mark mark() {
        return new Mark(slab, used);
    }

    /// Takes back everything handed out since `mark`.
    public void reset(Mark mark) {
        slab = mark.slab;
        used = mark.used;
    }

    /// Bytes held, handed out or not.
    public long bytes() {
        return slabs.stream().mapToLong(MemorySegment::byteSize).sum();
    }

    @Override public void close() {
        arena.close();
    }

    /// How much had been handed out at one moment.
    public record Mark(int slab, long used) {}
}
