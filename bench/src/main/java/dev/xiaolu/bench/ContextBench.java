package dev.xiaolu.bench;

import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.models.deepseek4.DeepSeekV4;
import dev.xiaolu.models.deepseek4.DeepSeekV4Config;
import dev.xiaolu.models.deepseek4.DeepSeekV4Config.CacheLayout;
import dev.xiaolu.models.llama.Llama;
import dev.xiaolu.models.llama.LlamaConfig;
import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.ContextCache;
import dev.xiaolu.nn.KvCache;
import dev.xiaolu.nn.LanguageModel;
import dev.xiaolu.nn.ParameterCount;
import dev.xiaolu.nn.RandomFiller;
import dev.xiaolu.op.RandomNormal;
import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/// Decoding at growing positions of one context: a small DeepSeek-V4 with the published order of layers, its context really read, beside a Llama of the same width, heads and layers, its keys and values drawn.
///
/// What dense attention reads does not depend on what it holds, and reading a million tokens with it would take hours.
public final class ContextBench {
    /// Two layers with the window alone, then one of each other kind; window and number of chosen entries as published.
    static final DeepSeekV4Config MODEL = model(List.of(0, 0, 4, 128), 128, 512, 1 << 20);
    private static final int[] POSITIONS = {4 << 10, 64 << 10, 1 << 20};
    private static final int CHUNK = 256;                        // tokens read in one pass
    private static final int WARM = 300;                         // tokens until everything is compiled
    private static final long WARM_NANOS = 4_000_000_000L;       // but no longer than that
    private static final long TOLD_NANOS = 5_000_000_000L;       // between words on the progress

    private ContextBench() {}

    /// What to measure.
    ///
    /// @param backend name of the backend
    /// @param threads threads
    /// @param longest last position: 4 Ki, 64 Ki and 1 Mi are measured as far as they lie before it, and it itself
    /// @param tokens  tokens measured at each position
    public record Options(String backend, int threads, int longest, int tokens) {
        public Options {
            checkInput(tokens > 0 && tokens < 10_000, "bench context: %d tokens, wanted 1 to 9999", tokens);
            int least = tokens + WARM + 1;
            checkInput(longest >= least && longest <= 1 << 20, "bench context: longest is %d, wanted %d to %d", longest, least, 1 << 20);
        }

        /// Two threads, up to 1 Mi.
        public static Options standard() {
            return new Options("auto", 2, 1 << 20, 25);
        }

        private int[] positions() {
            return IntStream.concat(Arrays.stream(POSITIONS).filter(position -> position < longest), IntStream.of(longest)).toArray();
        }
    }

    static DeepSeekV4Config model(List<Integer> ratios, int window, int topk, int context) {
        return new DeepSeekV4Config(512, 128, ratios.size(), 4, 32, 8, 64, 2, 32, window, ratios, 4, 16, topk, 8, 2, 128, 1.5f, 0, 10, 4, 20, 1e-6f, 1e-6f, 10_000, 160_000,
                Optional.of(new DeepSeekV4Config.Yarn(16, Math.max(1, context / 16), 32, 1)), context, 0, 0.02f, List.of(), List.of());
    }

    /// Measures; `progress` is told how far the context has been read.
    public static ContextReport run(Options options, Consumer<String> progress) {
        return run(options, MODEL, progress);
    }

    static ContextReport run(Options options, DeepSeekV4Config config, Consumer<String> progress) {
        var dense = new LlamaConfig(config.vocabSize(), config.hiddenSize(), config.moeIntermediateSize() * (config.numExpertsPerToken() + 1), config.numLayers(), config.numHeads(), config.numHeads(),
                config.headDim(), config.normEpsilon(), config.ropeTheta(), Optional.empty(), false, false, config.contextLength(), config.initStd(), List.of(), List.of());
        var setting = Machine.setting(options.backend);
        setting.put("model", "%d layers of %d with compress_ratios %s: %s; dense: %s".formatted(
                config.numLayers(), config.hiddenSize(), config.compressRatios(), config.count().words(), ParameterCount.of(dense.parameterCount()).words()));
        setting.put("cache bytes per token", String.format(Locale.ROOT, "%.1f in FP8 with FP4 indexer, %.1f in BF16; dense: %d in BF16",
                config.cacheBytesPerToken(CacheLayout.FP8_FP4), config.cacheBytesPerToken(CacheLayout.BF16), denseBytes(dense, 1) / 2));
        List<Decoded> ours;
        List<Decoded> theirs;
        try (var place = new Place(options, progress)) {
            ours = place.ours(config);
        }
        try (var place = new Place(options, progress)) {
            theirs = place.dense(dense);
        }
        var rows = new ArrayList<ContextReport.Row>();
        int[] positions = options.positions();
        for (int i = 0; i < positions.length; i++) {
            Decoded decoded = ours.get(i);
            rows.add(new ContextReport.Row(positions[i], decoded.millis, decoded.scanMillis, decoded.restMillis, decoded.restMillis / ours.getFirst().restMillis, theirs.get(i).millis,
                    decoded.cacheBytes, Math.round(config.cacheBytesPerToken(CacheLayout.FP8_FP4) * positions[i]), Math.round(config.cacheBytesPerToken(CacheLayout.BF16) * positions[i]),
                    denseBytes(dense, positions[i]), decoded.flops, theirs.get(i).flops));
        }
        return new ContextReport(setting, rows);
    }

    private static long denseBytes(LlamaConfig dense, long tokens) {
        return 2L * 4 * dense.numLayers() * dense.numKvHeads() * dense.headDim() * tokens;
    }

    /// Medians of the tokens at one position.
    private record Decoded(double millis, double scanMillis, double restMillis, long cacheBytes, double flops) {}

    /// Where one of the two models runs.
    private static final class Place implements AutoCloseable {
        private final Options options;
        private final Consumer<String> progress;
        private final ScanClock clock;
        private final Scratch scratch = new Scratch();
        private final Arena arena = Arena.ofShared();
        private final RandomKey text = RandomKey.ofSeed(2);

        Place(Options options, Consumer<String> progress) {
            this.options = options;
            this.progress = progress;
            clock = new ScanClock(Backends.open(options.backend, options.threads));
        }

        List<Decoded> ours(DeepSeekV4Config config) {
            var decoded = new ArrayList<Decoded>();
            DeepSeekV4 model = Compute.call(clock, scratch, () -> new DeepSeekV4(config, arena, new RandomFiller(RandomKey.ofSeed(1).at("init"))));
            try (ContextCache cache = model.newCache(options.longest)) {
                long start = System.nanoTime();
                for (int position : options.positions()) {
                    long told = System.nanoTime();
                    for (int before = position - options.tokens - WARM; cache.length() < before; ) {
                        read(model, cache, Math.min(CHUNK, before - cache.length()));
                        if (System.nanoTime() - told > TOLD_NANOS) {
                            told = System.nanoTime();
                            progress.accept(String.format(Locale.ROOT, "%,d of %,d tokens read after %.0f s", cache.length(), options.longest, (told - start) / 1e9));
                        }
                    }
                    decoded.add(decode(model, cache, position));
                    progress.accept(String.format(Locale.ROOT, "position %,d: %.3f ms a token, %.3f without the indexer's scan", position, decoded.getLast().millis, decoded.getLast().restMillis));
                }
            }
            return decoded;
        }

        List<Decoded> dense(LlamaConfig config) {
            var decoded = new ArrayList<Decoded>();
            Llama model = Compute.call(clock, scratch, () -> new Llama(config, arena, new RandomFiller(RandomKey.ofSeed(1).at("init"))));
            Tensor drawn = Tensor.zeros(arena, DType.F32, Shape.of(1, 4 << 10, config.numKvHeads(), config.headDim()));
            Compute.call(clock, scratch, () -> Compute.run(new RandomNormal(1, 3), drawn));
            try (KvCache cache = model.newCache(options.longest)) {
                for (int position : options.positions()) {
                    for (int before = position - options.tokens - WARM; cache.length() < before; ) {
                        fill(cache, config.numLayers(), drawn.slice(1, 0, Math.min(drawn.shape().axis(1), before - cache.length())));
                    }
                    decoded.add(decode(model, cache, position));
                    progress.accept(String.format(Locale.ROOT, "position %,d, dense: %.3f ms a token", position, decoded.getLast().millis));
                }
            }
            return decoded;
        }

        private void fill(KvCache cache, int layers, Tensor drawn) {
            Compute.call(clock, scratch, () -> {
                for (int layer = 0; layer < layers; layer++) {
                    cache.appendKeys(layer, drawn);
                    cache.appendValues(layer, drawn);
                }
                cache.advance(drawn.shape().axis(1));
                return null;
            });
        }

        /// Reads the next tokens of the text in one pass; gives its nanoseconds.
        private long read(LanguageModel model, ContextCache cache, int count) {
            int from = cache.length();
            int[] tokens = IntStream.range(from, from + count).map(i -> (int) Long.remainderUnsigned(text.bits(i), model.vocabSize())).toArray();
            long start = System.nanoTime();
            Compute.call(clock, scratch, () -> {
                Scratch.Mark before = scratch.mark();
                model.forward(Batch.continuing(scratch, tokens, from), cache);
                scratch.reset(before);
                return null;
            });
            return System.nanoTime() - start;
        }

        /// Measures the tokens before a position and goes back to where it began.
        private Decoded decode(LanguageModel model, ContextCache cache, int position) {
            ContextCache.Mark mark = cache.mark();
            long begun = System.nanoTime();
            for (int i = 0; i < WARM && System.nanoTime() - begun < WARM_NANOS; i++) {
                read(model, cache, 1);
            }
            double[] millis = new double[options.tokens];
            double[] scans = new double[options.tokens];
            double[] rests = new double[options.tokens];
            for (int i = 0; i < options.tokens; i++) {
                clock.take();
                millis[i] = read(model, cache, 1) / 1e6;
                scans[i] = clock.take() / 1e6;
                rests[i] = millis[i] - scans[i];
            }
            long bytes = cache.bytes();
            cache.rewind(mark);
            return new Decoded(BenchReport.median(millis), BenchReport.median(scans), BenchReport.median(rests), bytes, model.flopsPerToken(2 * position));      // which counts the visible half of them
        }

        @Override public void close() {
            scratch.close();
            arena.close();
            clock.close();
        }
    }
}
