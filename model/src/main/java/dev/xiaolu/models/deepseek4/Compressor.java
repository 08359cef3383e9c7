package dev.xiaolu.models.deepseek4;

import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.Filler;
import dev.xiaolu.nn.Linear;
import dev.xiaolu.nn.Norm;
import dev.xiaolu.nn.Parameters;
import dev.xiaolu.op.Compress;
import dev.xiaolu.op.RopePairs;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;

/// Pools windows of tokens into entries: content and gate of each token, a softmax over the window for each channel, then norm and rotation by the position of the window's first token.
final class Compressor {
    private final int ratio;
    private final boolean overlap;
    private final Linear content;
    private final Linear gate;
    private final Tensor bias;                                   // [ratio, k · dim]
    private final Norm norm;

    Compressor(DeepSeekV4Config config, Parameters.Scope scope, int ratio, int dim) {
        this.ratio = ratio;
        overlap = ratio == DeepSeekV4Config.SPARSE;
        int channels = overlap ? 2 * dim : dim;
        content = Linear.of(scope.at("wkv"), config.hiddenSize(), channels, config.initStd());
        gate = Linear.of(scope.at("wgate"), config.hiddenSize(), channels, config.initStd());
        bias = scope.parameter("ape", new Filler.Constant(0), ratio, channels);
        norm = Norm.of(scope.at("norm"), dim, config.normEpsilon());
    }

    /// Takes `x [batch, seq, hidden]` of whole sequences, gives the entries of their whole windows `[batch, windows, dim]`. An entry reaches into the window before as far as the document of its own window's first token does.
    Tensor forward(Tensor x, Tensor rope, Batch batch) {
        var compress = new Compress(ratio, overlap, false);
        Tensor contents = content.forward(x);
        Tensor gates = gate.forward(x);
        if (!overlap) {
            return finished(Compute.one(compress, contents, gates, bias), 0, rope);
        }
        Tensor since = Positions.of(batch.sequences(), compress.entries(batch.length()), (sequence, window) -> batch.first().getInt(sequence, window * ratio));
        return finished(Compute.one(compress, contents, gates, bias, since), 0, rope);
    }

    /// Takes `x [1, seq, hidden]` that continues a context, gives all entries of the context so far; the new ones and what is left of the last window are added to the cache.
    Tensor forward(Tensor x, Tensor rope, EntryCache cache) {
        Tensor contents = cache.joinContents(content.forward(x));
        Tensor gates = cache.joinGates(gate.forward(x));
        Tensor fresh = Compute.one(new Compress(ratio, overlap, cache.continued()), contents, gates, bias);
        return cache.append(finished(fresh, cache.count(), rope), x.shape().axis(1));
    }

    /// An empty cache for a context of up to `capacity` tokens.
    EntryCache newCache(Arena arena, int capacity) {
        return new EntryCache(arena, ratio, overlap, (int) norm.gain().shape().size(), capacity);
    }

    /// Norms entries and rotates them by their windows' first positions; `before` entries come before them.
    private Tensor finished(Tensor entries, int before, Tensor rope) {
        long batch = entries.shape().axis(0);
        long windows = entries.shape().axis(1);
        if (windows == 0) {
            return entries;
        }
        Tensor headed = norm.forward(entries).reshape(batch, windows, 1, entries.shape().last());
        Tensor starts = Positions.of(batch, windows, (_, window) -> (before + window) * ratio);
        return Compute.one(new RopePairs(false), headed, rope, starts).reshape(entries.shape());
    }
}
