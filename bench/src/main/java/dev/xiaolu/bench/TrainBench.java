package dev.xiaolu.bench;

import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.nn.LanguageModel;
import dev.xiaolu.nn.RandomFiller;
import dev.xiaolu.nn.Training;
import dev.xiaolu.optim.AdamWOptimizer;
import dev.xiaolu.optim.Schedule;
import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.train.SequenceSource;
import dev.xiaolu.train.StepPlan;
import dev.xiaolu.train.TrainStep;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/// Whole training steps of a model, with AdamW, beside eager PyTorch in F32.
///
/// The rows against the measured peak are the model's utilisation: three forward passes' operations for each token.
public final class TrainBench {
    private TrainBench() {}

    /// What to measure.
    ///
    /// @param model           `llama-17m` with 16.9 million parameters, or `deepseek4-tiny-b` with 10.7 million
    /// @param backend         name of the backend
    /// @param threads         threads on each side
    /// @param rounds          turns of each rival, three steps each
    /// @param leafSequences   sequences of a leaf of work, a divisor of the step's
    /// @param peerPython      a Python with torch; without one, and without `XIAOLU_PEER_PYTHON`, only the peak is the measure
    /// @param bf16            whether PyTorch with bf16 autocast takes part too, `llama-17m` only: other arithmetic, another class
    public record Options(String model, String backend, int threads, int rounds, int leafSequences, Optional<Path> peerPython, boolean bf16) {
        public Options {
            checkInput(rounds > 0, "bench train: %d rounds, wanted 1 or more", rounds);
            int sequences = TrainModel.named(model).sequences();
            checkInput(leafSequences > 0 && sequences % leafSequences == 0, "bench train: leaves of %d sequences, wanted a divisor of %d", leafSequences, sequences);
            checkInput(!bf16 || model.equals("llama-17m"), "bench train: --bf16 with %s, wanted with llama-17m", model);
        }

        /// Two threads, as the preset `llama-17m` trains.
        public static Options standard(Optional<Path> peerPython) {
            return new Options("llama-17m", "auto", 2, 7, 2, peerPython, false);
        }
    }

    private static final int WARM_UP = 30;                       // steps
    private static final int STEPS_OF_TURN = 6;                  // the first one finds the caches full of the other side's numbers

    /// Measures; `progress` is told each row at the end.
    public static BenchReport run(Options options, Consumer<BenchReport.Row> progress) {
        return run(options, TrainModel.named(options.model), progress);
    }

    static BenchReport run(Options options, TrainModel model, Consumer<BenchReport.Row> progress) {
        var setting = Machine.setting(options.backend);
        Optional<Path> python = Peer.python(options.peerPython);
        var rivals = new ArrayList<Rival>();
        try (Backend backend = Backends.open(options.backend, options.threads)) {
            var ours = new Ours(options, model, backend);
            rivals.add(ours);
            setting.put("model", "%s: %s; %d sequences of %d".formatted(model.name(), ours.model.parameterCount().words(), model.sequences(), model.length()));
            setting.put("step", model.setting());
            if (python.isPresent()) {
                rivals.add(new TrainPeer(python.get(), options, model, "fp32", "keep"));
                rivals.add(new TrainPeer(python.get(), options, model, "fp32", "system"));
                if (options.bf16) {
                    rivals.add(new TrainPeer(python.get(), options, model, "bf16", "keep"));
                }
            }
            if (backend.measurePeak().isPresent()) {
                rivals.add(new PeakRival(backend, 3 * ours.model.flopsPerToken(model.length())));
            }
            for (int i = 0; i < WARM_UP; i += STEPS_OF_TURN) {                  // until everything is compiled; the peers warm up by themselves
                ours.measure();
            }
            double[][] measured = Rival.takeTurns(rivals, options.rounds);
            var rows = new ArrayList<BenchReport.Row>();
            for (int i = 1; i < measured.length; i++) {
                rows.add(BenchReport.Row.of("training step, " + Machine.threads(options.threads), "tokens/s", measured[0], rivals.get(i).name(), measured[i]));
            }
            rows.forEach(progress);
            return new BenchReport("train", setting, rows);
        } finally {
            rivals.forEach(Rival::close);
        }
    }

    /// Our steps, on sequences of random tokens.
    private static final class Ours implements Rival {
        private final Arena arena = Arena.ofShared();
        private final Scratch scratch = new Scratch();
        private final Backend backend;
        private final LanguageModel model;
        private final AdamWOptimizer optimizer;
        private final TrainStep training;
        private final SequenceSource source;
        private final StepPlan plan;
        private long step;

        Ours(Options options, TrainModel subject, Backend backend) {
            this.backend = backend;
            model = Compute.call(backend, scratch, () -> subject.create().apply(arena, new RandomFiller(RandomKey.ofSeed(1).at("init"))));
            optimizer = new AdamWOptimizer(model.parameters().all(), new AdamWOptimizer.Settings(0.9, 0.95, 1e-8, 0.1));
            plan = new StepPlan(subject.sequences(), options.leafSequences, 1, subject.length());
            training = new TrainStep(Training.plain(model), optimizer, Schedule.constant(1e-3, 0), 1, _ -> plan);
            source = (at, index, length) -> {
                RandomKey key = RandomKey.ofSeed(2).at(at).at(index);
                int[] tokens = new int[length + 1];
                Arrays.setAll(tokens, i -> (int) Long.remainderUnsigned(key.bits(i), subject.vocabSize()));
                return new SequenceSource.Sequence(tokens, new int[length]);
            };
        }

        @Override public String name() {
            return "xiaolu";
        }

        @Override public double measure() {
            long start = System.nanoTime();
            for (int i = 0; i < STEPS_OF_TURN; i++) {
                Compute.call(backend, scratch, () -> training.run(++step, source));
            }
            return STEPS_OF_TURN * plan.tokens() / ((System.nanoTime() - start) * 1e-9);
        }

        @Override public void close() {
            training.close();
            optimizer.close();
            scratch.close();
            arena.close();
        }
    }

    /// PyTorch's steps.
    private static final class TrainPeer implements Rival {
        private final Peer peer;
        private final String name;

        TrainPeer(Path python, Options options, TrainModel model, String dtype, String malloc) {
            var arguments = new ArrayList<>(List.of("--steps", Integer.toString(STEPS_OF_TURN), "--threads", Integer.toString(options.threads), "--dtype", dtype, "--malloc", malloc));
            arguments.addAll(model.arguments());
            peer = new Peer(python, model.script(), arguments);
            name = peer.name() + " " + dtype + (malloc.equals("keep") ? ", memory kept" : ", untuned");
        }

        @Override public String name() {
            return name;
        }

        @Override public double measure() {
            return peer.ask().required("tokensPerSecond").asDouble();
        }

        @Override public void close() {
            peer.close();
        }
    }
}
