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
import dev.xiaolu.store.TensorDigest;
import dev.xiaolu.store.TensorSource;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.train.Evaluation;
import dev.xiaolu.train.Looks;
import dev.xiaolu.train.ModelFamily;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.RunData;
import dev.xiaolu.train.StepPlans;
import dev.xiaolu.train.Trainer;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Predicate;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// Checkpoints of a run over several ranks, in the same form as those of a run in one process, so that either goes on with the other's; and looks at the model.
///
/// One rank saves for all: it copies what it has and what others hold, and writes while the next steps are computed. Runs on the current [Compute]; one thread at a time.
final class Checkpoints implements AutoCloseable {
    private final RunConfig config;
    private final RunData data;
    private final CheckpointStore store;
    private final Plan plan;
    private final AtomicLong refusals = new AtomicLong();        // files that the disk is to refuse, in drills
    private final ExecutorService writer = Executors.newSingleThreadExecutor(task -> Thread.ofPlatform().daemon().name("xiaolu-checkpoint").unstarted(task));

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

    /// Puts the state of `step` into its slot, from the seed or from a checkpoint: all weights, and the optimizer state of the parameters that `holds` names.
    void restore(Replica replica, long step, Predicate<String> holds) {
        if (step == 0) {
            replica.startAnew(holds);
            return;
        }
        Checkpoint checkpoint = Checkpoint.open(Disk.real(), store.folder(step));
        checkpoint.verify(1);
        Trainer.refuseOtherArithmetic(checkpoint);
        String subject = "checkpoint " + checkpoint.label();
        Slot slot = replica.slot(step);
        try (TensorSource weights = checkpoint.weights(); TensorSource optimizer = checkpoint.optimizer()) {
            slot.made.weights().forEach((name, tensor) -> take(subject, weights, name, tensor));
            for (Parameter parameter : slot.trained()) {
                if (holds.test(parameter.name())) {
                    slot.optimizer(parameter.name()).state().forEach((name, tensor) -> take(subject, optimizer, name, tensor));
                }
            }
        }
        replica.changed();
        String found = DigestChain.digest(replica.digests(step));
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

    /// Copies the committed state and writes it in the background; what came of it is told from there.
    ///
    /// @param isVoid whether a later change of membership has begun: others may then go back to an earlier step and write over what is copied here
    void save(Replica replica, Action.Save save, Placement placement, DigestChain chain, Replica.Peers peers, BooleanSupplier isVoid, Consumer<Event> tell) {
        Arena arena = Arena.ofShared();
        Checkpoint.Contents contents = null;
        try {
            contents = isVoid.getAsBoolean() ? null : copied(arena, replica, save.step(), placement, chain, peers);
        } catch (Regions.Abandoned _) {
            // told below
        }
        if (contents == null || isVoid.getAsBoolean()) {
            arena.close();
            tell.accept(new Event.SaveFailed(save.id(), save.generation(), save.step(), "checkpoint step-%d is not saved: ranks have changed while its parts were fetched".formatted(save.step())));
            return;
        }
        Checkpoint.Contents whole = contents;
        writer.execute(() -> {
            try (arena) {
                store.save(whole);
                tell.accept(new Event.Saved(save.id(), save.generation(), save.step()));
            } catch (RuntimeException failed) {                  // whatever it is: the coordinator waits for an answer
                tell.accept(new Event.SaveFailed(save.id(), save.generation(), save.step(), failed instanceof CheckpointNotSavedException ? failed.getMessage()
                        : "checkpoint step-%d is not saved: %s".formatted(save.step(), failed)));
            }
        });
    }

    private Checkpoint.Contents copied(Arena arena, Replica replica, long step, Placement placement, DigestChain chain, Replica.Peers peers) {
        Slot slot = replica.slot(step);
        var weights = new LinkedHashMap<String, Tensor>();
        slot.made.weights().forEach((name, tensor) -> weights.put(name, copy(arena, tensor)));
        var holders = new HashMap<Tensor, Long>();
        for (Parameter parameter : slot.trained()) {
            slot.state(parameter.name()).forEach(state -> holders.put(state, placement.owner(parameter.name())));
        }
        var optimizer = new LinkedHashMap<String, Tensor>();
        Scratch scratch = Compute.current().scratch();
        slot.states().forEach((name, state) -> {
            Scratch.Mark before = scratch.mark();
            optimizer.put(name, copy(arena, peers.view(holders.get(state), state)));
            scratch.reset(before);
        });
        Map<String, TensorDigest> digests = replica.digests(step);
        var files = new HashMap<>(data.tokenizerFiles());
        files.put("config.json", slot.made.configJson());
        return new Checkpoint.Contents(step, weights, optimizer, digests, chain, files,
                Map.of("tokens", StepPlans.of(config.train()).tokensThrough(step), Trainer.CORPUS_DIGEST, data.digest()));
    }

    private static Tensor copy(Arena arena, Tensor tensor) {
        Tensor copy = Tensor.zeros(arena, tensor.dtype(), tensor.shape());
        copy.data().copyFrom(tensor.data().asSlice(0, copy.data().byteSize()));
        return copy;
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

    /// Reads the first part of what [#look] wrote; null where there was nothing to look at.
    static Evaluation evaluation(tools.jackson.databind.JsonNode seen) {
        var one = seen.path("evaluation");
        return one.isMissingNode() ? null : new Evaluation(one.path("loss").doubleValue(), one.path("tokens").asLong(), one.path("bytes").asLong());
    }

    /// Waits for what is being written.
    @Override public void close() {
        writer.close();
    }
}
