package dev.xiaolu.models.deepseek4;

import dev.xiaolu.nn.ContextCache;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/// What the family keeps of one sequence: for each layer the raw keys of the last window, and the entries and unfinished windows of its compressors. Only the entries grow with the context.
///
/// Owns its memory until [#close]. One thread at a time.
final class HybridCache implements ContextCache {
    private final Arena arena = Arena.ofShared();
    private final List<Layer> layers = new ArrayList<>();
    private final int capacity;
    private int length;

    HybridCache(int capacity) {
        this.capacity = capacity;
    }

    /// Where a layer's part is allocated.
    Arena arena() {
        return arena;
    }

    /// Adds the part of the next layer.
    void add(Layer layer) {
        layers.add(layer);
    }

    Layer layer(int index) {
        return layers.get(index);
    }

    @Override public int length() {
        return length;
    }

    @Override public int capacity() {
        return capacity;
    }

    /// Counts the tokens of a pass, after its last layer.
    void advance(long tokens) {
        length += (int) tokens;
    }

    @Override public void close() {
        arena.close();
    }

    /// One layer's part.
    static final class Layer {
        private final Tensor window;                             // [1, window - 1, dim]: what the next token may look back at
        private final EntryCache entries;                        // null where the layer has no compressor
        private final EntryCache indexKeys;                      // null where it has no indexer
        private int held;

        Layer(Arena arena, int window, int dim, EntryCache entries, EntryCache indexKeys) {
            this.window = Tensor.zeros(arena, DType.F32, Shape.of(1, Math.max(1, window - 1), dim));
            this.entries = entries;
            this.indexKeys = indexKeys;
        }

        EntryCache entries() {
            return entries;
        }

        EntryCache indexKeys() {
            return indexKeys;
        }

        /// Raw keys held.
        int held() {
            return held;
        }

        /// The keys held and the fresh ones `[1, seq, dim]`, one behind the other; the last of them are held from here on.
        Tensor joinKeys(Tensor fresh) {
            Tensor joined = EntryCache.join(window.slice(1, 0, held), fresh);
            long rows = joined.shape().axis(1);
            held = (int) Math.min(rows, window.shape().axis(1));
            EntryCache.copy(joined.slice(1, rows - held, rows), window.slice(1, 0, held));
            return joined;
        }
    }
}
