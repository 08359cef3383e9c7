package dev.xiaolu.bench;

import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.models.llama.Llama;
import dev.xiaolu.models.llama.LlamaConfig;
import dev.xiaolu.nn.Generation;
import dev.xiaolu.nn.RandomFiller;
import dev.xiaolu.nn.Sampler;
import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/// Tokens written one at a time by the 16.9 million parameter model, from a short prompt and the cache, beside PyTorch in F32.
public final class DecodeBench {
    private DecodeBench() {}

    /// What to measure.
    ///
    /// @param backend    name of the backend
    /// @param threads    threads on each side
    /// @param rounds     turns of each rival
    /// @param tokens     tokens of one turn
    /// @param peerPython a Python with torch; without one, and without `XIAOLU_PEER_PYTHON`, only the memory is the measure
    public record Options(String backend, int threads, int rounds, int tokens, Optional<Path> peerPython) {
        public Options {
            checkInput(rounds > 0 && tokens > 0, "bench decode: %d rounds of %d tokens, wanted 1 or more of each", rounds, tokens);
        }

        /// Two threads, 128 tokens a turn.
        public static Options standard(Optional<Path> peerPython) {
            return new Options("auto", 2, 7, 128, peerPython);
        }
    }

    /// Measures; `progress` is told each row at the end.
    public static BenchReport run(Options options, Consumer<BenchReport.Row> progress) {
        return run(options, TrainModel.LLAMA, progress);
    }

    static BenchReport run(Options options, LlamaConfig model, Consumer<BenchReport.Row> progress) {
        checkInput(options.tokens < model.contextLength(), "bench decode: %d tokens, wanted fewer than the context's %d", options.tokens, model.contextLength());
        var setting = Machine.setting(options.backend);
        Optional<Path> python = Peer.python(options.peerPython);
        var rivals = new ArrayList<Rival>();
        try (Backend backend = Backends.open(options.backend, options.threads)) {
            var ours = new Ours(options, model, backend);
            rivals.add(ours);
            setting.put("model", "%s, %d tokens after a prompt of one".formatted(ours.model.parameterCount().words(), options.tokens));
            python.ifPresent(path -> rivals.add(new DecodePeer(path, options, model)));
            if (backend.measureBandwidth().isPresent()) {
                rivals.add(new CopyRival(backend, 4.0 * (ours.model.parameters().count() - (long) model.vocabSize() * model.hiddenSize())));
            }
            ours.measure();
            double[][] measured = Rival.takeTurns(rivals, options.rounds);
            var rows = new ArrayList<BenchReport.Row>();
            for (int i = 1; i < measured.length; i++) {
                rows.add(BenchReport.Row.of("decoding, " + Machine.threads(options.threads), "tokens/s", measured[0], rivals.get(i).name(), measured[i]));
            }
            rows.forEach(progress);
            return new BenchReport("decode", setting, rows);
        } finally {
            rivals.forEach(Rival::close);
        }
    }

    /// Our tokens.
    private static final class Ours implements Rival {
        private final Arena arena = Arena.ofShared();
        private final Scratch scratch = new Scratch();
        private final Backend backend;
        private final Llama model;
        private final int tokens;

        Ours(Options options, LlamaConfig config, Backend backend) {
            this.backend = backend;
            tokens = options.tokens;
            model = Compute.call(backend, scratch, () -> new Llama(config, arena, new RandomFiller(RandomKey.ofSeed(1).at("init"))));
        }

        @Override public String name() {
            return "xiaolu";
        }

        @Override public double measure() {
            long start = System.nanoTime();
            Compute.call(backend, scratch, () -> {
                try (var generation = new Generation(model, Sampler.greedy(), tokens + 1)) {
                    generation.feed(1);
                    for (int i = 0; i < tokens; i++) {
                        generation.next();
                    }
                }
                return null;
            });
            return tokens / ((System.nanoTime() - start) * 1e-9);
        }

        @Override public void close() {
            scratch.close();
            arena.close();
        }
    }

    /// PyTorch's tokens.
    private static final class DecodePeer implements Rival {
        private final Peer peer;

        DecodePeer(Path python, Options options, LlamaConfig model) {
            peer = new Peer(python, "decode_peer.py", List.of("--tokens", Integer.toString(options.tokens), "--threads", Integer.toString(options.threads),
                    "--vocab", Integer.toString(model.vocabSize()), "--hidden", Integer.toString(model.hiddenSize()), "--layers", Integer.toString(model.numLayers()),
                    "--heads", Integer.toString(model.numHeads()), "--intermediate", Integer.toString(model.intermediateSize()), "--length", Integer.toString(model.contextLength())));
        }

        @Override public String name() {
            return peer.name() + " fp32";
        }

        @Override public double measure() {
            return peer.ask().required("tokensPerSecond").asDouble();
        }

        @Override public void close() {
            peer.close();
        }
    }
}
