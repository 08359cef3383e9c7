package dev.xiaolu.train;

import dev.xiaolu.op.Numerics;
import dev.xiaolu.optim.Optimizer;
import dev.xiaolu.platform.Clock;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.store.Checkpoint;
import dev.xiaolu.store.CheckpointNotSavedException;
import dev.xiaolu.store.CheckpointStore;
import dev.xiaolu.store.DigestChain;
import dev.xiaolu.store.TensorDigest;
import dev.xiaolu.store.TensorSource;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/// The main job: steps, evaluation, samples and checkpoints from a config, from the beginning or from a checkpoint.
///
/// What it computes is a function of config and corpus; stopping and resuming at any step changes no bit. One run, one thread; the backend uses threads inside operators.
public final class Trainer {
    /// Where a checkpoint's manifest keeps the digest of the run's tokens.
    public static final String CORPUS_DIGEST = "corpus_digest";

    private final RunConfig config;
    private final RunData data;
    private final CheckpointStore checkpoints;
    private final RunListener listener;
    private final BooleanSupplier stop;
    private final Clock clock;
    private final StepPlans plans;

    private ModelFamily.Made made;
    private Looks looks;
    private Optimizer optimizer;
    private DigestChain chain = DigestChain.START;
    private Map<String, TensorDigest> digests;
    private long done;
    private long saved = -1;

    /// A run of `config` on `data`.
    ///
    /// @param checkpoints where its checkpoints are
    /// @param listener    told what happens
    /// @param stop        asked after every step; when it says so, the run saves and ends
    public Trainer(RunConfig config, RunData data, CheckpointStore checkpoints, RunListener listener, BooleanSupplier stop, Clock clock) {
        this.config = config;
        this.data = data;
        this.checkpoints = checkpoints;
        this.listener = listener;
        this.stop = stop;
        this.clock = clock;
        plans = StepPlans.of(config.train());
    }

    /// How a run ended.
    ///
    /// @param steps      steps done in all, earlier parts included
    /// @param finished   whether the schedule is at its end
    /// @param checkpoint the newest checkpoint
    public record Outcome(long steps, boolean finished, Optional<Checkpoint> checkpoint) {}

    /// Trains on `backend` from the beginning, or from a checkpoint, to the last step or until asked to stop.
    public Outcome run(Backend backend, Optional<Checkpoint> from) {
        try (Arena arena = Arena.ofShared(); Scratch scratch = new Scratch()) {
            return Compute.call(backend, scratch, () -> {
                ModelFamily family = ModelFamily.of(config, data.tokenizer());
                made = from.isPresent() ? restored(family, from.get(), arena) : family.drawn(arena, ModelFamily.start(config));
                looks = new Looks(config, data, made);
                try (Optimizer opened = Optimizers.of(config.optim(), made.training())) {
                    optimizer = opened;
                    from.ifPresent(this::continueFrom);
                    try (var step = new TrainStep(made.training(), optimizer, Schedules.of(config), config.optim().clipNorm(), plans::at)) {
                        return train(step, backend);
                    }
                }
            });
        }
    }

    private Outcome train(TrainStep step, Backend backend) {
        RunConfig.Train train = config.train();
        long last = train.steps();
        listener.prepared(new RunListener.Prepared(done + 1, last, made.training().model().parameterCount(), 3 * made.training().flopsPerToken(train.sequenceLength()), data.trainingTokens(),
                data.description(), backend.describe()));
        boolean stopped = done >= last;
        while (!stopped) {
            one(step, done + 1);
            boolean ended = done == last;
            looks.samples(done, listener::sampled);
            stopped = ended || stop.getAsBoolean() || done == train.stopAfter();
            if (stopped) {
                save();
            } else if (due(train.checkpointEvery())) {
                trySave();
            }
        }
        return new Outcome(done, done == last, checkpoints.newest().whole());
    }

    private void one(TrainStep step, long number) {
        long start = clock.nanos();
        StepResult result = Compute.within("step", () -> {
            StepResult now = step.run(number, data.training());
            if (now.updated()) {
                digests = Compute.within("digests", () -> ModelState.digests(made.weights()));
            }
            return now;
        });
        if (!result.updated()) {
            trySave();
            throw Verdict.refusal(result, Verdict.where(step.outside()), "the weights are those of step %d%s".formatted(done, saved == done ? ", which is saved" : ""));
        }
        String weights = DigestChain.digest(digests);
        chain = chain.next(number, weights);
        done = number;
        double seconds = (clock.nanos() - start) * 1e-9;
        listener.stepped(new RunListener.Stepped(result, seconds, weights, chain, looks.evaluation(done)));
    }

    private boolean due(long every) {
        return every > 0 && done % every == 0;
    }

    private void trySave() {
        try {
            save();
        } catch (CheckpointNotSavedException failed) {
            listener.warned(failed.getMessage());
        }
    }

    private void save() {
        if (digests == null) {
            digests = ModelState.digests(made.weights());
        }
        var files = new HashMap<>(data.tokenizerFiles());
        files.put("config.json", made.configJson());
        Checkpoint checkpoint = checkpoints.save(new Checkpoint.Contents(done, made.weights(), state(), digests, chain, files,
                Map.of("tokens", plans.tokensThrough(done), CORPUS_DIGEST, data.digest())));
        saved = done;
        listener.saved(checkpoint);
    }

    /// What the next step needs beside the weights.
    private Map<String, Tensor> state() {
        var state = new LinkedHashMap<>(ExpertsOneByOne.of(optimizer.state()));
        state.putAll(made.training().state());
        return state;
    }

    private static ModelFamily.Made restored(ModelFamily family, Checkpoint checkpoint, Arena arena) {
        String subject = "checkpoint " + checkpoint.label();
        refuseOtherArithmetic(checkpoint);
        try (TensorSource source = checkpoint.weights()) {
            return family.restored(subject, source, arena);
        }
    }

    /// A run goes on only under the arithmetic that it began with.
    public static void refuseOtherArithmetic(Checkpoint checkpoint) {
        if (checkpoint.manifest().arithmetic() != Numerics.VERSION) {
            throw InputException.of("checkpoint %s: its arithmetic is version %d, this program's is %d; the run would go on with other bits; use the program that began it", checkpoint.label(),
                    checkpoint.manifest().arithmetic(), Numerics.VERSION);
        }
    }

    private void continueFrom(Checkpoint checkpoint) {
        try (TensorSource source = ExpertsOneByOne.of(checkpoint.optimizer())) {
            ModelState.restore("checkpoint " + checkpoint.label(), source, state());
        }
        digests = ModelState.digests(made.weights());
        String found = DigestChain.digest(digests);
        if (!found.equals(checkpoint.manifest().weightsDigest())) {
            throw InputException.of("checkpoint %s: its weights have digest %s… here, wanted %s…: they were not read as they were written", checkpoint.label(), found.substring(0, 12),
                    checkpoint.manifest().weightsDigest().substring(0, 12));
        }
        chain = checkpoint.manifest().chain();
        done = checkpoint.step();
        saved = done;
    }
}
