package dev.xiaolu.rank;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.comm.Regions;
import dev.xiaolu.op.Cast;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Plan;
import dev.xiaolu.store.Checkpoint;
import dev.xiaolu.store.CheckpointNotSavedException;
import dev.xiaolu.store.CheckpointStore;
import dev.xiaolu.store.DigestChain;
import dev.xiaolu.store.TensorSource;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.train.Evaluation;
import dev.xiaolu.train.ExpertsOneByOne;
import dev.xiaolu.train.Looks;
import dev.xiaolu.train.ModelFamily;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.RunData;
import dev.xiaolu.train.StepPlans;
import dev.xiaolu.train.Trainer;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Predicate;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// What is in the checkpoints of a run over several ranks, the same as in those of a run in one process, so that either goes on with the other's; and looks at the model.
///
/// Runs on the current [Compute]; one thread at a time. [Saver] writes them.
final class Checkpoints {
    private final RunConfig config;
    private final RunData data;
    private final CheckpointStore store;
    private final Plan plan;
    private final AtomicLong refusals = new AtomicLong();        // files that the disk is to refuse, in drills

    /// Of the run in `folder`.
    Checkpoints(RunConfig config, RunData data, Path folder, Plan plan) {
        this.config = config;
        this.data = data;
        store = new CheckpointStore(new FullDisk(Disk.real(), refusals), folder, new CheckpointStore.Keep(config.train().keepCheckpoints(), 0), CheckpointStore.MAX_SHARD_BYTES);
        this.plan = plan;
    }

    /// Lets the disk refuse so many new files, for drills.
    void refuse(long saves) {
        refusals.set(saves);
    }

    /// Whether two ranks compute this leaf.
    boolean isDoubled(long step, int leaf) {
        return plan.doubled(step).contains(leaf);
    }

    /// Puts the state of `step` into its slot, from the seed or from a checkpoint: the weights of the shards that are `here`, and the optimizer state of those that `holds` names.
    void restore(Replica replica, long step, Predicate<String> here, Predicate<String> holds) {
        if (step == 0) {
            replica.startAnew(here, holds);
            return;
        }
        Checkpoint checkpoint = Checkpoint.open(Disk.real(), store.folder(step));
        checkpoint.verify(1);
        Trainer.refuseOtherArithmetic(checkpoint);
        String subject = "checkpoint " + checkpoint.label();
        Slot slot = replica.slot(step);
        try (TensorSource weights = checkpoint.weights(); TensorSource optimizer = ExpertsOneByOne.of(checkpoint.optimizer())) {
            slot.made.weights().forEach((name, tensor) -> {
                if (slot.shardOf(name) == null || here.test(slot.shardOf(name))) {
                    take(subject, weights, name, tensor);
                }
            });
            for (Parameter parameter : slot.trained()) {
                if (holds.test(parameter.name())) {
                    slot.savedState(parameter.name()).forEach((name, tensor) -> take(subject, optimizer, name, tensor));
                }
            }
        }
        replica.changed();
        String found = DigestChain.digest(replica.digests(step, here, checkpoint.manifest().tensors()));
        if (!found.equals(checkpoint.manifest().weightsDigest())) {
            throw InputException.of("%s: its weights have digest %s… here, wanted %s…: they were not read as they were written", subject, found.substring(0, 12),
                    checkpoint.manifest().weightsDigest().substring(0, 12));
        }
    }

    private static void take(String subject, TensorSource source, String name, Tensor tensor) {
        if (!source.names().contains(name) || !source.type(name).equals(tensor.type())) {
            throw InputException.of("%s: tensor %s is %s, wanted %s", subject, name, source.names().contains(name) ? source.type(name) : "missing", tensor.type());
        }
        Compute.into(new Cast(tensor.dtype()), new Tensor[] {source.tensor(name)}, tensor);
    }

    /// What stands beside the tensors in a checkpoint of a committed step.
    Checkpoint.Head head(Replica replica, long step, DigestChain chain) {
        var files = new HashMap<>(data.tokenizerFiles());
        files.put("config.json", replica.slot(step).made.configJson());
        return new Checkpoint.Head(step, replica.digests(step), chain, files, Map.of("tokens", StepPlans.of(config.train()).tokensThrough(step), Trainer.CORPUS_DIGEST, data.digest()));
    }

    CheckpointStore store() {
        return store;
    }

    /// What there is to see after a committed step, as JSON: how well held-out text is predicted, and what the model writes.
    String look(ModelFamily.Made made, long step, Runnable progress) {
        var looks = new Looks(config, data, made);
        ObjectNode seen = JsonMapper.shared().createObjectNode().put("step", step);
        looks.evaluation(step, progress).ifPresent(one -> seen.putObject("evaluation").put("loss", one.loss()).put("tokens", one.tokens()).put("bytes", one.bytes()));
        progress.run();
        var samples = seen.putArray("samples");
        looks.samples(step, (_, prompt, text) -> {
            samples.addObject().put("prompt", prompt).put("text", text);
            progress.run();
        });
        return JsonMapper.shared().writeValueAsString(seen);
    }

    /// Reads the evaluation in what [#look] wrote.
    static Evaluation evaluation(tools.jackson.databind.JsonNode one) {
        return new Evaluation(one.path("loss").doubleValue(), one.path("tokens").asLong(), one.path("bytes").asLong());
    }
}
