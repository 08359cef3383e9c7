package dev.xiaolu.models.deepseek4;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// What one compressor keeps of a context: its entries, and content and gate of the tokens that the next entry needs, which are those of the unfinished window and, with overlap, of the one before.
///
/// The memory of the entries doubles when they no longer fit, up to what the capacity can hold.
final class EntryCache implements AutoCloseable {
    private static final int FIRST = 256;                        // entries with room at the start

    private final int ratio;
    private final boolean overlap;
    private final int most;                                      // entries of a full context
    private final Tail contents;                                 // rows of `channels`
    private final Tail gates;
    private Arena arena = Arena.ofShared();
    private Tensor entries;                                      // [1, room, dim]
    private int length;                                          // tokens seen

    /// Unfinished windows lie in `rowsArena`; the entries own their memory.
    EntryCache(Arena rowsArena, int ratio, boolean overlap, int dim, int capacity) {
        this.ratio = ratio;
        this.overlap = overlap;
        most = capacity / ratio;
        entries = Tensor.zeros(arena, DType.F32, Shape.of(1, Math.min(FIRST, most), dim));
        long channels = overlap ? 2L * dim : dim;
        contents = new Tail(rowsArena, overlap ? 2 * ratio - 1 : ratio - 1, channels);
        gates = new Tail(rowsArena, overlap ? 2 * ratio - 1 : ratio - 1, channels);
    }

    /// Entries held.
    int count() {
        return length / ratio;
    }

    /// Whether the rows that the next entry needs begin with a window that has its entry already.
    boolean continued() {
        return overlap && length >= ratio;
    }

    /// What the next entries need of before and what comes, one behind the other.
    Tensor joinContents(Tensor fresh) {
        return contents.join(needed(length), fresh);
    }

    Tensor joinGates(Tensor fresh) {
        return gates.join(needed(length), fresh);
    }

    private int needed(int length) {
        return length % ratio + (overlap && length >= ratio ? ratio : 0);
    }

    /// Adds the entries that `tokens` more tokens have finished and gives all, `[1, count, dim]`.
    Tensor append(Tensor fresh, long tokens) {
        int before = count();
        length += (int) tokens;
        grow(count());
        long row = 4 * entries.shape().last();
        MemorySegment.copy(fresh.data(), 0, entries.data(), before * row, (count() - before) * row);
        return entries.slice(1, 0, count());
    }

    private void grow(int wanted) {
        long room = entries.shape().axis(1);
        if (wanted <= room) {
            return;
        }
        Arena larger = Arena.ofShared();
        Tensor moved = Tensor.zeros(larger, DType.F32, Shape.of(1, Math.min(most, Math.max(wanted, 2 * room)), entries.shape().last()));
        MemorySegment.copy(entries.data(), 0, moved.data(), 0, entries.type().bytes());
        arena.close();
        arena = larger;
        entries = moved;
    }

    /// Forgets the tokens from `length` on; the entries beyond are overwritten by those that come.
    void forget(int length) {
        contents.drop(this.length - length);
        gates.drop(this.length - length);
        this.length = length;
    }

    /// Copies the unfinished windows; gives what brings them back. Entries need no copy: later ones only follow them.
    Runnable remember() {
        Runnable ofContents = contents.remember();
        Runnable ofGates = gates.remember();
        int now = length;
        return () -> {
            ofContents.run();
            ofGates.run();
            length = now;
        };
    }

    long bytes() {
        return entries.type().bytes() + contents.bytes() + gates.bytes();
    }

    @Override public void close() {
        arena.close();
    }
}
