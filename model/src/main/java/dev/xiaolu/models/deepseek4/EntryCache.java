package dev.xiaolu.models.deepseek4;

import dev.xiaolu.op.Cast;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;

/// What one compressor keeps of a context: its entries, and content and gate of the tokens that the next entry needs, which are those of the unfinished window and, with overlap, of the one before.
final class EntryCache {
    private final int ratio;
    private final boolean overlap;
    private final Tensor entries;                                // [1, windows, dim]
    private final Tensor contents;                               // [1, rows, channels]
    private final Tensor gates;
    private int count;
    private int kept;                                            // rows of contents and gates in use
    private boolean continued;                                   // whether the first window of those has its entry already

    EntryCache(Arena arena, int ratio, boolean overlap, int dim, int capacity) {
        this.ratio = ratio;
        this.overlap = overlap;
        entries = Tensor.zeros(arena, DType.F32, Shape.of(1, capacity / ratio, dim));
        long channels = overlap ? 2L * dim : dim;
        contents = Tensor.zeros(arena, DType.F32, Shape.of(1, 2L * ratio, channels));
        gates = Tensor.zeros(arena, DType.F32, Shape.of(1, 2L * ratio, channels));
    }

    /// Entries held.
    int count() {
        return count;
    }

    boolean continued() {
        return continued;
    }

    /// What is kept and what comes, one behind the other.
    Tensor joinContents(Tensor fresh) {
        return join(contents.slice(1, 0, kept), fresh);
    }

    Tensor joinGates(Tensor fresh) {
        return join(gates.slice(1, 0, kept), fresh);
    }

    /// Takes from joined rows what the next entries will need.
    void keep(Tensor joinedContents, Tensor joinedGates) {
        long rows = joinedContents.shape().axis(1);
        continued = overlap && rows >= ratio;
        kept = (int) (rows % ratio) + (continued ? ratio : 0);
        copy(joinedContents.slice(1, rows - kept, rows), contents.slice(1, 0, kept));
        copy(joinedGates.slice(1, rows - kept, rows), gates.slice(1, 0, kept));
    }

    /// Adds finished entries and gives all, `[1, count, dim]`.
    Tensor append(Tensor fresh) {
        int after = count + (int) fresh.shape().axis(1);
        copy(fresh, entries.slice(1, count, after));
        count = after;
        return entries.slice(1, 0, count);
    }

    /// Copies of two runs of rows `[1, rows, channels]`, joined in the scratch of the step.
    static Tensor join(Tensor first, Tensor second) {
        long split = first.shape().axis(1);
        long rows = split + second.shape().axis(1);
        Tensor joined = Compute.current().scratch().allocate(new TensorType(DType.F32, Shape.of(1, rows, second.shape().last())));
        copy(first, joined.slice(1, 0, split));
        copy(second, joined.slice(1, split, rows));
        return joined;
    }

    /// Copies rows, if there are any.
    static void copy(Tensor from, Tensor to) {
        if (from.shape().axis(1) > 0) {
            Compute.into(new Cast(DType.F32), new Tensor[] {from}, to);
        }
    }
}
