package dev.xiaolu.nn;

import dev.xiaolu.op.Cast;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;

/// Keys and values of one sequence, layer by layer; grows with every pass up to its capacity.
///
/// Owns its memory until [#close]. One thread at a time.
public final class KvCache extends ContextCache {
    private final Arena arena = Arena.ofShared();
    private final Tensor[] keys;
    private final Tensor[] values;

    /// An empty cache: for each layer keys and values `[1, capacity, kvHeads, headDim]`.
    public KvCache(int layers, int capacity, int kvHeads, int headDim) {
        super(capacity);
        keys = new Tensor[layers];
        values = new Tensor[layers];
        for (int layer = 0; layer < layers; layer++) {
            keys[layer] = Tensor.zeros(arena, DType.F32, Shape.of(1, capacity, kvHeads, headDim));
            values[layer] = Tensor.zeros(arena, DType.F32, Shape.of(1, capacity, kvHeads, headDim));
        }
    }

    /// Stores a layer's new keys after those held and gives all of them, `[1, length + seq, kvHeads, headDim]`.
    public Tensor appendKeys(int layer, Tensor fresh) {
        return append(keys[layer], fresh);
    }

    /// Stores a layer's new values after those held and gives all of them.
    public Tensor appendValues(int layer, Tensor fresh) {
        return append(values[layer], fresh);
    }

    @Override public long bytes() {
        return Arrays.stream(keys).mapToLong(all -> 2 * all.type().bytes()).sum();
    }

    @Override protected Runnable remember() {
        return () -> {};
    }

    @Override protected void forget(int length) {}

    private Tensor append(Tensor all, Tensor fresh) {
        long end = length() + fresh.shape().axis(1);
        Compute.into(new Cast(DType.F32), new Tensor[] {fresh}, all.slice(1, length(), end));
        return all.slice(1, 0, end);
    }

    @Override public void close() {
        arena.close();
    }
}
