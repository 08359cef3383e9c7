package dev.xiaolu.tensor;

import static dev.xiaolu.platform.Check.check;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// Hands blocks of a [Scratch] out a second time within one step: what is given back goes to the next tensor of exactly that size, the last one first, since it is the likeliest to be in a cache.
///
/// A step asks for the same sizes over and over, so that exact sizes suffice. A block is known by its address. Only blocks handed out while this is open are known; one thread at a time; [#close] forgets everything and frees nothing.
public final class Recycling implements AutoCloseable {
    private final Scratch scratch;
    private final TreeMap<Long, MemorySegment> blocks = new TreeMap<>();   // address → all that were handed out, free again or not
    private final Map<Long, Deque<MemorySegment>> free = new HashMap<>();  // bytes → those given back
    private final List<Long> handed = new ArrayList<>();                   // addresses in the order of handing out

    Recycling(Scratch scratch) {
        this.scratch = scratch;
    }

    /// A block of `bytes` that was given back, or null.
    MemorySegment take(long bytes) {
        Deque<MemorySegment> fitting = free.get(bytes);
        return fitting == null ? null : fitting.pollFirst();
    }

    void handedOut(MemorySegment block) {
        blocks.put(block.address(), block);
        handed.add(block.address());
    }

    /// The address of the block in which `tensor` lies; −1 where it comes from elsewhere, or from before.
    public long blockOf(Tensor tensor) {
        long address = tensor.data().address();
        var below = blocks.floorEntry(address);
        return below != null && address < below.getKey() + below.getValue().byteSize() ? below.getKey() : -1;
    }

    /// How many blocks have been handed out: a place in the order for [#since].
    public int count() {
        return handed.size();
    }

    /// The blocks handed out since [#count] was `count`, in order.
    public List<Long> since(int count) {
        return List.copyOf(handed.subList(count, handed.size()));
    }

    /// Takes back a block whose tensors nobody will look at again.
    public void giveBack(long block) {
        MemorySegment memory = blocks.get(block);
        check(memory != null, "no block was handed out at address %d", block);
        Deque<MemorySegment> fitting = free.computeIfAbsent(memory.byteSize(), _ -> new ArrayDeque<>());
        check(!fitting.contains(memory), "the block at address %d was given back twice", block);
        fitting.addFirst(memory);
    }

    @Override public void close() {
        scratch.ended(this);
    }
}
