package dev.xiaolu.models.deepseek4;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.nn.ContextCache;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// The last rows of a stream of rows: those that the next ones look back at, and [ContextCache#BACK] more, so that the last of them can be taken back.
///
/// Its memory is twice as long as that, so that rows move to its beginning now and then and not with every token.
final class Tail {
    private final Tensor rows;                                   // [1, 2 · most, dim]
    private final int most;                                      // rows kept when they move
    private int held;

    /// Room for rows of `dim` that look back at up to `needed` others.
    Tail(Arena arena, int needed, long dim) {
        most = needed + ContextCache.BACK;
        rows = Tensor.zeros(arena, DType.F32, Shape.of(1, 2L * most, dim));
    }

    /// The last `before` rows held and the fresh ones `[1, seq, dim]`, one behind the other, valid until the next call and within this pass; the fresh are held from here on.
    Tensor join(int before, Tensor fresh) {
        check(before <= held, "context: %d rows are needed, %d are held", before, held);
        int count = (int) fresh.shape().axis(1);
        if (held + count > 2 * most) {
            if (count > most) {
                return joinInScratch(before, fresh);
            }
            int kept = Math.min(held, most);
            MemorySegment.copy(rows.data(), at(held - kept), rows.data(), 0, at(kept));
            held = kept;
        }
        copy(fresh, 0, held, count);
        held += count;
        return rows.slice(1, held - count - before, held);
    }

    private Tensor joinInScratch(int before, Tensor fresh) {
        int count = (int) fresh.shape().axis(1);
        Tensor joined = Compute.current().scratch().allocate(new TensorType(DType.F32, Shape.of(1, before + count, rows.shape().last())));
        MemorySegment.copy(rows.data(), at(held - before), joined.data(), 0, at(before));
        MemorySegment.copy(fresh.data(), 0, joined.data(), at(before), at(count));
        copy(fresh, count - most, 0, most);
        held = most;
        return joined;
    }

    /// Forgets the last `count` rows.
    void drop(int count) {
        held -= count;
    }

    /// Copies the rows; gives what brings them back.
    Runnable remember() {
        int kept = Math.min(held, most);
        float[] copy = rows.data().asSlice(at(held - kept), at(kept)).toArray(ValueLayout.JAVA_FLOAT);
        return () -> {
            MemorySegment.copy(MemorySegment.ofArray(copy), 0, rows.data(), 0, at(kept));
            held = kept;
        };
    }

    long bytes() {
        return rows.type().bytes();
    }

    private void copy(Tensor fresh, int from, int to, int count) {
        MemorySegment.copy(fresh.data(), at(from), rows.data(), at(to), at(count));
    }

    /// Where a row begins, in bytes.
    private long at(long row) {
        return 4 * row * rows.shape().last();
    }
}
