package dev.xiaolu.models.deepseek4;

import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.ContextCache;
import dev.xiaolu.nn.Drafter;
import dev.xiaolu.nn.Sampler;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;

/// Guesses tokens with the block that predicts the token after the next: its first guess is what it was trained for; for every further one it takes its own streams for those of the model.
///
/// The block has a cache of its own, of one window. At the position of a token it holds what it made of that token's streams and of the token behind it.
final class DeepSeekV4Drafter implements Drafter {
    private final DeepSeekV4 model;
    private final HybridCache cache;
    private final HybridCache own;
    private Tensor streams;                                      // of the last pass, `[1, seq, n, hidden]`
    private int start;                                           // position of its first token

    /// Takes both caches over.
    DeepSeekV4Drafter(DeepSeekV4 model, HybridCache cache, HybridCache own) {
        this.model = model;
        this.cache = cache;
        this.own = own;
    }

    @Override public ContextCache cache() {
        return cache;
    }

    @Override public Tensor forward(Batch batch) {
        start = cache.length();
        streams = model.read(cache, batch);
        return model.logits(streams);
    }

    @Override public int[] guess(int[] following, int count, Sampler sampler) {
        own.rewind(start);                                       // forgets the block's guesses about itself, and tokens taken back since
        int[] guesses = new int[count];
        Tensor after = extended(streams.slice(1, 0, following.length), following);
        for (int i = 0; i < count; i++) {
            Tensor last = after.slice(1, after.shape().axis(1) - 1, after.shape().axis(1));
            guesses[i] = sampler.next(model.predictedLogits(last), start + following.length + 1 + i);
            if (i + 1 < count) {
                after = extended(last, guesses[i]);
            }
        }
        return guesses;
    }

    private Tensor extended(Tensor before, int... following) {
        return model.predict(own, before, Batch.continuing(Compute.current().scratch(), following, own.length()));
    }

    @Override public void close() {
        cache.close();
        own.close();
    }
}
