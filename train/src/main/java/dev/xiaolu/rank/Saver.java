package dev.xiaolu.rank;

import dev.xiaolu.platform.Clock;
import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Event;
import dev.xiaolu.store.Checkpoint;
import dev.xiaolu.store.CheckpointNotSavedException;
import dev.xiaolu.store.CheckpointParts;
import dev.xiaolu.store.CheckpointStore;
import dev.xiaolu.store.FileSeal;
import dev.xiaolu.tensor.Tensor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;

/// Checkpoints that the members write together, while the next steps are computed: each one what it owns, from a copy that is made beside the training;
/// the one who was asked begins the checkpoint and, once all parts are written, commits it.
///
/// Committed state lies untouched until the step after the next is made ([Slot]); whoever is about to write over it waits for the copy ([#awaitCopied]).
/// The state of a step has the same bits in every generation, so parts that were copied before and after a change of members fit together.
/// Called from the rank's thread alone; what it is given is called from the writer's as well.
final class Saver implements AutoCloseable {
    private static final long TOLD_NANOS = 500_000_000L;

    /// Says to others what becomes of a checkpoint. Thread-safe.
    interface Mail {
        /// Asks a member for its part of a checkpoint.
        void want(long id, Wanted wanted);

        /// Tells who asked that a part is written, or that it is not.
        void written(long id, Part part);

        /// Tells who asked that a part is being written.
        void writing(long id);

        /// Tells the coordinator.
        void tell(Event event);
    }

    /// A member's part of a checkpoint is wanted.
    ///
    /// @param asker      who begins the checkpoint and will commit it
    /// @param attempt    the asker's number of this attempt: what comes of an earlier one counts for nothing
    /// @param generation whose members write it
    record Wanted(long asker, long attempt, long generation, long step) {
        private String folder() {
            return "%016x-%d".formatted(asker, attempt);
        }
    }

    /// What has become of a member's part.
    ///
    /// @param failure why it is not written; null where it is
    record Part(long attempt, long step, Map<String, FileSeal> seals, String failure) {}

    private final CheckpointStore store;
    private final long self;
    private final Mail mail;
    private final Runnable progress;
    private final ExecutorService writer = Executors.newSingleThreadExecutor(task -> Thread.ofPlatform().daemon().name("xiaolu-checkpoint").unstarted(task));
    private final CompletableFuture<?>[] copying = {CompletableFuture.completedFuture(null), CompletableFuture.completedFuture(null)};      // by the slot of a step
    private final Snapshot room = new Snapshot();                // of the writer's thread
    private long toldNanos;                                      // likewise
    private final Set<String> alive = ConcurrentHashMap.newKeySet();     // folders of own attempts that are not over
    private long attempts;
    private final Map<Long, Joint> joint = new HashMap<>();      // by step: what this rank was asked for

    /// A checkpoint that all members write and this one commits.
    private record Joint(Action.Save save, Wanted wanted, Slot slot, Placement placement, Checkpoint.Head head, Map<Long, Part> come) {
        List<Long> members() {
            return placement.members();
        }
    }

    /// @param progress told of each piece that is done
    Saver(CheckpointStore store, long self, Mail mail, Runnable progress) {
        this.store = store;
        this.self = self;
        this.mail = mail;
        this.progress = progress;
    }

    /// Begins a checkpoint of a committed step, which is in `slot`; every member is asked for its part.
    void begin(Action.Save save, Slot slot, Placement placement, Checkpoint.Head head) {
        var wanted = new Wanted(self, ++attempts, save.generation(), save.step());
        joint.put(save.step(), new Joint(save, wanted, slot, placement, head, new HashMap<>()));
        placement.members().stream().filter(id -> id != self).forEach(id -> mail.want(id, wanted));
        CompletableFuture<Slot.Part> copy = copy(save.step(), slot, placement);
        alive.add(wanted.folder());
        later(wanted, () -> {
            if (isAlive(wanted)) {
                store.begin(save.step(), wanted.folder(), alive);
            }
            return null;
        });
        write(wanted, slot, placement, copy);
    }

    /// Writes the own part of a checkpoint that another one has begun, of the step that is in `slot`.
    void write(Wanted wanted, Slot slot, Placement placement) {
        write(wanted, slot, placement, copy(wanted.step, slot, placement));
    }

    /// The writer does one thing after the other, so the copy is not written over before it is on the disk.
    private CompletableFuture<Slot.Part> copy(long step, Slot slot, Placement placement) {
        var copy = CompletableFuture.supplyAsync(() -> room.of(slot.part(placement, self)), writer);
        copying[(int) (step % 2)] = copy;
        return copy;
    }

    private void write(Wanted wanted, Slot slot, Placement placement, CompletableFuture<Slot.Part> copied) {
        later(wanted, () -> {
            Slot.Part copy = copied.join();
            if (!isAlive(wanted)) {
                return null;
            }
            var seals = store.writePart(wanted.step, wanted.folder(), parts(slot, placement), placement.members().indexOf(self), name -> toWrite(wanted.asker, copy.weights().get(name)), name -> toWrite(wanted.asker, copy.optimizer().get(name)));
            return new Part(wanted.attempt, wanted.step, seals, null);
        });
    }

    private CheckpointParts parts(Slot slot, Placement placement) {
        return store.divided(placement.members().stream().map(id -> slot.part(placement, id)).map(part -> CheckpointParts.Part.of(part.weights(), part.optimizer())).toList());
    }

    /// Others cannot know whether an attempt is over.
    private boolean isAlive(Wanted wanted) {
        return wanted.asker != self || alive.contains(wanted.folder());
    }

    private Tensor toWrite(long asker, Tensor tensor) {
        progress.run();
        long now = Clock.real().nanos();
        if (asker != self && now - toldNanos > TOLD_NANOS) {
            toldNanos = now;
            mail.writing(asker);
        }
        return tensor;
    }

    /// Does a piece of work on the writer's thread, and tells what came of it unless that is null.
    private void later(Wanted wanted, Supplier<Part> work) {
        writer.execute(() -> {
            Part part;
            try {
                part = work.get();
            } catch (RuntimeException failed) {                  // whatever it is: somebody waits for an answer
                part = new Part(wanted.attempt, wanted.step, Map.of(), why(wanted.step, failed));
            }
            if (part != null) {
                mail.written(wanted.asker, part);
            }
        });
    }

    private static String why(long step, RuntimeException failed) {
        return failed instanceof CheckpointNotSavedException ? failed.getMessage() : "checkpoint step-%d is not saved: %s".formatted(step, failed);
    }

    /// Tells who asked that there will be no part of this rank.
    void refuse(Wanted wanted) {
        mail.written(wanted.asker, new Part(wanted.attempt, wanted.step, Map.of(), changed(wanted.step)));
    }

    /// Why there is no checkpoint where members come or go.
    static String changed(long step) {
        return "checkpoint step-%d is not saved: ranks have changed while it was written".formatted(step);
    }

    /// What a member, perhaps this one, says about its part.
    void written(long id, Part part) {
        Joint one = joint.get(part.step);
        if (one == null || one.wanted.attempt != part.attempt) {
            return;                                              // given up
        }
        if (part.failure != null) {
            fail(one, part.failure);
            return;
        }
        one.come.put(id, part);
        if (one.come.size() == one.members().size()) {
            joint.remove(part.step);
            writer.execute(() -> mail.tell(ended(one)));
        }
    }

    private Event ended(Joint one) {
        Action.Save save = one.save;
        try {
            CheckpointParts parts = parts(one.slot, one.placement);
            var seals = new HashMap<String, FileSeal>();
            for (int place = 0; place < one.members().size(); place++) {
                Map<String, FileSeal> its = one.come.get(one.members().get(place)).seals;
                if (!its.keySet().equals(parts.files(place))) {
                    throw new IllegalStateException("member %016x has written %s, wanted %s".formatted(one.members().get(place), its.keySet(), parts.files(place)));
                }
                seals.putAll(its);
            }
            store.end(one.wanted.folder(), parts, seals, one.head);
            return new Event.Saved(save.id(), save.generation(), save.step());
        } catch (RuntimeException failed) {                      // whatever it is: the coordinator waits for an answer
            return new Event.SaveFailed(save.id(), save.generation(), save.step(), why(save.step(), failed));
        } finally {
            alive.remove(one.wanted.folder());
        }
    }

    private void fail(Joint one, String why) {
        joint.remove(one.save.step());
        alive.remove(one.wanted.folder());
        writer.execute(() -> store.abandon(one.save.step(), one.wanted.folder()));
        mail.tell(new Event.SaveFailed(one.save.id(), one.save.generation(), one.save.step(), why));
    }

    /// These are the members from now on; what others were to write comes to nothing.
    void members(List<Long> now) {
        List.copyOf(joint.values()).stream().filter(one -> !now.containsAll(one.members())).forEach(one -> fail(one, changed(one.save.step())));
    }

    /// Returns once nothing is copied any more from the slot of `step`, so that it can be written over. A disk that is slower than the checkpoints come is waited for here.
    void awaitCopied(long step) {
        try {
            copying[(int) (step % 2)].handle((_, _) -> null).get();
        } catch (ExecutionException | InterruptedException stopped) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while a checkpoint is copied", stopped);
        }
    }

    /// Waits for what is being written.
    @Override public void close() {
        writer.close();
        room.close();
    }
}
