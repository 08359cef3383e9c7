package dev.xiaolu.tensor;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Memory for the tensors of one step: handed out in sequence, taken back all at once, kept between steps.
///
/// Slabs are added when a step needs more than the last one did; an idle one that is too small for a tensor is replaced by one with room to grow, since tensors that grow from step to step, as scores over a growing context do,
/// would otherwise leave all their former slabs behind. All are freed by [#close]. Memory handed out is not cleared.
/// A tensor from here is dead after the [#reset] to a mark taken before it was made. One thread at a time.
public final class Scratch implements AutoCloseable {
    private static final long SLAB = 64L << 20;
    private static final long ALIGNMENT = 64;

    private final List<Slab> slabs = new ArrayList<>();
    private int slab;
    private long used;
    private Recycling recycling;                                 // null most of the time

    /// A contiguous tensor with unspecified elements, aligned to 64 bytes.
    public Tensor allocate(TensorType type) {
        long bytes = (Math.max(1, type.bytes()) + ALIGNMENT - 1) & -ALIGNMENT;
        if (recycling == null) {
            return Tensor.of(type, fresh(bytes));
        }
        MemorySegment again = recycling.take(bytes);
        MemorySegment block = again == null ? fresh(bytes) : again;
        recycling.handedOut(block);
        return Tensor.of(type, block);
    }

    private MemorySegment fresh(long bytes) {
        if (slab < slabs.size() && used > 0 && slabs.get(slab).bytes() - used < bytes) {
            slab++;
            used = 0;
        }
        if (slab == slabs.size()) {
            slabs.add(Slab.of(Math.max(SLAB, bytes)));
        } else if (slabs.get(slab).bytes() - used < bytes) {     // nothing handed out lies here or behind
            Slab small = slabs.get(slab);
            small.arena.close();
            slabs.set(slab, Slab.of(Math.max(bytes, small.bytes() / 2 * 3)));
        }
        MemorySegment block = slabs.get(slab).memory.asSlice(used, bytes);
        used += bytes;
        return block;
    }

    /// From now until the result is closed, blocks may be given back one by one and handed out again. No [#reset] meanwhile.
    public Recycling recycle() {
        check(recycling == null, "this scratch recycles already");
        recycling = new Recycling(this);
        return recycling;
    }

    /// The recycling that is open.
    public Optional<Recycling> recycling() {
        return Optional.ofNullable(recycling);
    }

    void ended(Recycling which) {
        check(recycling == which, "another recycling is open");
        recycling = null;
    }

    /// A place to come back to.
    public Mark mark() {
        return new Mark(slab, used);
    }

    /// Takes back everything handed out since `mark`.
    public void reset(Mark mark) {
        check(recycling == null, "a scratch that recycles is reset; close the recycling first");
        slab = mark.slab;
        used = mark.used;
    }

    /// Bytes held, handed out or not.
    public long bytes() {
        return slabs.stream().mapToLong(Slab::bytes).sum();
    }

    @Override public void close() {
        slabs.forEach(each -> each.arena.close());
        slabs.clear();
    }

    /// One piece of memory, freed by itself.
    private record Slab(Arena arena, MemorySegment memory) {
        static Slab of(long bytes) {
            Arena arena = Arena.ofShared();
            return new Slab(arena, arena.allocate(bytes, ALIGNMENT));
        }

        long bytes() {
            return memory.byteSize();
        }
    }

    /// How much had been handed out at one moment.
    public record Mark(int slab, long used) {}
}
