package dev.xiaolu.models.deepseek4;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.nn.ContextCache;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/// What the family keeps of one sequence: for each layer the raw keys of the last window, and the entries and unfinished windows of its compressors. Only the entries grow with the context.
///
/// Owns its memory until [#close]. One thread at a time.
final class HybridCache extends ContextCache {
    private final Arena arena = Arena.ofShared();
    private final List<Layer> layers = new ArrayList<>();

    HybridCache(int capacity) {
        super(capacity);
    }

    /// Where the parts of a layer that do not grow are allocated.
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

    @Override public long bytes() {
        return layers.stream().mapToLong(layer -> layer.keys.bytes() + layer.compressors().mapToLong(EntryCache::bytes).sum()).sum();
    }

    @Override protected Runnable remember() {
        List<Runnable> parts = layers.stream().map(Layer::remember).toList();
        return () -> parts.forEach(Runnable::run);
    }

    @Override protected void forget(int length) {
        check(length >= longest() - BACK, "context: back to %d tokens, wanted at least %d, since %d were held; take a mark to go farther back", length, longest() - BACK, longest());
        layers.forEach(layer -> layer.forget(length));
    }

    @Override public void close() {
        layers.stream().flatMap(Layer::compressors).forEach(EntryCache::close);
        arena.close();
    }

    /// One layer's part.
    static final class Layer {
        private final int window;
        private final Tail keys;                                 // raw keys: what the next token may look back at
        private final EntryCache entries;                        // null where the layer has no compressor
        private final EntryCache indexKeys;                      // null where it has no indexer
        private int length;

        Layer(Arena arena, int window, int dim, EntryCache entries, EntryCache indexKeys) {
            this.window = window;
            keys = new Tail(arena, window - 1, dim);
            this.entries = entries;
            this.indexKeys = indexKeys;
        }

        EntryCache entries() {
            return entries;
        }

        EntryCache indexKeys() {
            return indexKeys;
        }

        private Stream<EntryCache> compressors() {
            return Stream.of(entries, indexKeys).filter(Objects::nonNull);
        }

        /// Raw keys that the next token looks back at.
        int lookingBack() {
            return needed(length);
        }

        private int needed(int length) {
            return Math.min(length, window - 1);
        }

        /// Those keys and the fresh ones `[1, seq, dim]`, one behind the other; the fresh are held from here on.
        Tensor joinKeys(Tensor fresh) {
            Tensor joined = keys.join(lookingBack(), fresh);
            length += (int) fresh.shape().axis(1);
            return joined;
        }

        private void forget(int length) {
            keys.drop(this.length - length);
            compressors().forEach(compressor -> compressor.forget(length));
            this.length = length;
        }

        private Runnable remember() {
            Runnable ofKeys = keys.remember();
            List<Runnable> ofCompressors = compressors().map(EntryCache::remember).toList();
            int now = length;
            return () -> {
                ofKeys.run();
                ofCompressors.forEach(Runnable::run);
                length = now;
            };
        }
    }
}
