package dev.xiaolu.rank;

import dev.xiaolu.comm.Region;
import dev.xiaolu.nn.ParameterCount;
import dev.xiaolu.platform.Clock;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.DiskException;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.History;
import dev.xiaolu.recover.Member;
import dev.xiaolu.recover.State;
import dev.xiaolu.status.StatusServer;
import dev.xiaolu.store.Checkpoint;
import dev.xiaolu.store.CheckpointStore;
import dev.xiaolu.store.DigestChain;
import dev.xiaolu.train.Evaluation;
import dev.xiaolu.train.Looks;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.RunData;
import dev.xiaolu.train.RunListener;
import dev.xiaolu.train.RunReporter;
import dev.xiaolu.train.Screen;
import dev.xiaolu.train.StepPlans;
import dev.xiaolu.train.StepResult;
import dev.xiaolu.train.TrainRun;
import dev.xiaolu.train.Verdict;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.function.BooleanSupplier;
import java.util.function.LongFunction;
import java.util.function.Supplier;
import java.util.stream.StreamSupport;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Turns what the control plane does into the journal of a run, its status and its log; ends processes that are given up. On the coordinator's thread, but for [#incidents].
final class Conductor implements Coordinator.Watcher, AutoCloseable {
    private final RunConfig config;
    private final Path folder;
    private final RunData data;
    private final Clock clock;
    private final BooleanSupplier stop;
    private final CheckpointStore store;
    private final LongFunction<RunReporter> reporters;
    private final ControlLog log;
    private final StatusFile status;
    private final Goodput goodput = new Goodput();
    private final List<Incident> incidents = Collections.synchronizedList(new ArrayList<>());
    private final Map<Long, Integer> others = new HashMap<>();   // numbers of workers that were started elsewhere, by id
    private RunReporter reporter;
    private Coordinator coordinator;
    private LocalWorkers workers;
    private Path memory;
    private DigestChain chain;
    private List<String> terms = List.of();
    private Optional<StatusServer> page = Optional.empty();
    private String notSaved = "no checkpoint was saved";         // why the newest one that is missing is
    private boolean prepared;
    private boolean stopping;
    private long done;
    private List<Long> doubted;                                  // the counts of a step that is computed once more; null where there is none
    private long doubtedStep;
    private long ranks, generation;
    private long committedNanos;
    private RunListener.Stepped waiting;                         // a step whose evaluation is still to come; null where there is none
    private final List<RunListener.Stepped> behind = new ArrayList<>();          // steps committed since

    Conductor(RunConfig config, Path folder, RunData data, Optional<Checkpoint> from, Clock clock, Screen screen, BooleanSupplier stop, Supplier<RunReporter> first, LongFunction<RunReporter> reporters) {
        this.config = config;
        this.folder = folder;
        this.data = data;
        this.clock = clock;
        this.stop = stop;
        this.reporters = reporters;
        store = TrainRun.checkpoints(config, folder);
        chain = from.map(checkpoint -> checkpoint.manifest().chain()).orElse(DigestChain.START);
        done = from.map(Checkpoint::step).orElse(0L);
        reporter = first.get();
        reporter.also(this::words);
        log = new ControlLog(folder.resolve(Logs.FILE));
        status = new StatusFile(folder, StepPlans.of(config.train()), config.train().steps(), done, clock);
    }

    void conducts(Coordinator with, LocalWorkers of, Path memoryFolder) {
        coordinator = with;
        workers = of;
        memory = memoryFolder;
        page = StatusServer.open(config.launch().pagePort(), folder, status::newest, clock, reporter::warned);
        page.ifPresent(open -> {
            status.page(open.address());
            reporter.say("watch it at " + open.address());
        });
    }

    /// Which worker a member is, by the number it was started with here; those whom others start are counted as they join.
    private int index(Member member) {
        int number = workers.number(member.pid());
        return number >= 0 ? number : others.computeIfAbsent(member.id(), _ -> others.size());
    }

    private String words() {
        double share = goodput.share(clock.nanos());
        return String.format(Locale.ROOT, "%d ranks, generation %d%s", ranks, generation, Double.isNaN(share) ? "" : String.format(Locale.ROOT, ", goodput %.0f%%", 100 * share));
    }

    @Override public void turned(History.Turn turn, State state) {
        log.add(turn);
        ranks = state.run().ids().size();
        if (state.run().generation() != generation) {
            generation = state.run().generation();
            goodput.disturbed();
        }
        if (turn.event() instanceof Event.Joined(Member member, _)) {
            workers.joined(member.pid());
            status.joined(member, index(member));
        }
        if (turn.event() instanceof Event.Computed) {
            goesOn();
        }
        for (Action action : turn.actions()) {
            told(action);
        }
    }

    private void told(Action action) {
        switch (action) {
            case Action.Compute _ -> {
                goodput.begins(clock.nanos());
                committedNanos = committedNanos == 0 ? clock.nanos() : committedNanos;
            }
            case Action.Update(_, long step, List<Long> totals, _) -> judge(step, totals);
            case Action.Committed(long step, _, SortedMap<String, String> digests) -> committed(step, digests);
            case Action.Durable(long step) -> reporter.saved(Checkpoint.open(Disk.real(), store.folder(step)));
            case Action.NotSaved(_, String why) -> {
                notSaved = why;
                reporter.warned(why);
            }
            case Action.Repeated(_, long step, String why) -> reporter.say("step %d is computed once more: %s".formatted(step, why));
            case Action.Rewound(_, long step, String why) -> rewound(step, why);
            case Action.Wait(_, int have, int fewest) -> reporter.warned("only %d ranks are left, wanted at least %d; the run waits for more".formatted(have, fewest));
            default -> { }
        }
    }

    /// A step whose loss or gradient is no finite number is computed once more, its leaves at other ranks: the same bits again, and it is the data or the model, and the run ends as it does in one process;
    /// other bits, and it was the hardware.
    private void judge(long step, List<Long> totals) {
        Verdict verdict = Replica.verdict(terms, RunPlan.of(config, 0).leavesOf(step), totals);
        boolean again = doubted != null && doubtedStep == step;
        if (again && !doubted.equals(totals)) {
            reporter.warned("step %d gave other numbers the second time: the hardware of a rank errs; './xiaolu doctor' on its machine may find it".formatted(step));
        }
        if (verdict.sound()) {
            doubted = null;
            return;
        }
        String found = Verdict.refusal(verdict.result(step, 0, 0, List.of()), "the weights are those of step %d, the newest checkpoint is of step %d"
                .formatted(step - 1, store.newest().whole().map(Checkpoint::step).orElse(0L))).getMessage();
        if (again && doubted.equals(totals)) {
            coordinator.fail(found + "; a second computation, by other ranks, gave the same bits, so it is not the hardware");
        } else if (again) {
            coordinator.fail(found + "; a second computation gave other bits");
        } else {
            doubted = totals;
            doubtedStep = step;
            coordinator.doubt(step, found);
        }
    }

    private void committed(long step, SortedMap<String, String> digests) {
        goesOn();
        long now = clock.nanos();
        goodput.committed(step, now);
        workers.committed();
        double seconds = (now - committedNanos) * 1e-9;
        committedNanos = now;
        String weights = digests.get(Told.WEIGHTS);
        chain = chain.next(step, weights);
        done = step;
        var stepped = new RunListener.Stepped(StepResult.of(digests.get(Told.RESULT)), seconds, weights, chain, Optional.empty());
        if (waiting != null) {
            behind.add(stepped);
        } else if (Looks.evaluates(config, step)) {
            waiting = stepped;
        } else {
            reporter.stepped(stepped);
        }
    }

    @Override public void seen(String json) {
        JsonNode seen = JsonMapper.shared().readTree(json);
        if (waiting != null && waiting.result().step() == seen.path("step").asLong()) {
            tellWaiting(Optional.ofNullable(Checkpoints.evaluation(seen)));
        }
        StreamSupport.stream(seen.path("samples").spliterator(), false).forEach(sample -> reporter.sampled(seen.path("step").asLong(), sample.path("prompt").asString(), sample.path("text").asString()));
    }

    /// The chain up to a checkpoint that is gone back to. Where not even its manifest can be read, ranks find so too, and the run goes back further.
    private DigestChain chainOf(long step) {
        try {
            return Checkpoint.open(Disk.real(), store.folder(step)).manifest().chain();
        } catch (InputException | DiskException _) {
            return DigestChain.START;
        }
    }

    private void tellWaiting(Optional<Evaluation> evaluation) {
        reporter.stepped(new RunListener.Stepped(waiting.result(), waiting.seconds(), waiting.weights(), waiting.chain(), evaluation));
        waiting = null;
        behind.forEach(reporter::stepped);
        behind.clear();
    }

    private void rewound(long step, String why) {
        goodput.rewound(step);
        waiting = waiting == null || waiting.result().step() > step ? null : waiting;
        behind.removeIf(stepped -> stepped.result().step() > step);
        chain = step == 0 ? DigestChain.START : chainOf(step);
        done = step;
        reporter.warned("%s; the run goes on from step %d".formatted(why, step));
        RunReporter before = reporter;
        reporter = reporters.apply(step);
        reporter.takeOver(before);
        reporter.also(this::words);
        before.close();
    }

    /// The others compute on.
    private void goesOn() {
        synchronized (incidents) {
            for (int i = incidents.size() - 1; i >= 0 && incidents.get(i).goesNanos() == 0; i--) {
                incidents.set(i, incidents.get(i).goingAt(Clock.real().nanos()));
            }
        }
    }

    @Override public void fence(Member member, String why) {
        incidents.add(new Incident(member.id(), member.pid(), why, done, Clock.real().nanos(), 0));
        int worker = index(member);
        if (why.startsWith("quarantined")) {
            workers.distrust(member.pid());
        }
        workers.kill(member.pid());
        Region.remove(memory, member.id());
        reporter.say("worker %d (process %d) is lost: %s".formatted(worker, member.pid(), why));
    }

    List<Incident> incidents() {
        synchronized (incidents) {
            return List.copyOf(incidents);
        }
    }

    @Override public void about(String json) {
        if (prepared) {
            return;
        }
        prepared = true;
        JsonNode about = JsonMapper.shared().readTree(json);
        terms = about.path("terms").valueStream().map(JsonNode::asString).toList();
        var count = new ParameterCount(about.path("counted").asLong(), about.path("without").asString(), about.path("all").asLong());
        reporter.prepared(new RunListener.Prepared(done + 1, config.train().steps(), count, about.path("flops_per_token").doubleValue(), data.trainingTokens(), data.description(),
                "%d workers, each %s".formatted(config.launch().workers(), about.path("backend").asString())));
    }

    @Override public DigestChain chain() {
        return chain;
    }

    @Override public long wholeBefore(long step) {
        for (long older : store.steps().reversed()) {
            if (older < step) {
                try {
                    Checkpoint.open(Disk.real(), store.folder(older)).verify(1);
                    return older;
                } catch (InputException | DiskException _) {
                    // that one is damaged too
                }
            }
        }
        return -1;
    }

    @Override public boolean looks(long step) {
        return Looks.evaluates(config, step) || Looks.samples(config, step);
    }

    @Override public void ticked(State state, SortedMap<Long, Coordinator.Pulse> pulses) {
        if (!stopping && stop.getAsBoolean()) {
            stopping = true;
            coordinator.stop("asked to");
        }
        status.write(state, pulses, goodput.share(clock.nanos()), incidents(), workers);
    }

    /// Something that the run survives but its owner should know.
    void warned(String what) {
        reporter.warned(what);
    }

    /// How the run has ended, with its report written.
    TrainRun.Ended ended() {
        if (waiting != null) {                                   // who looked at it was lost when all was done
            tellWaiting(Optional.empty());
        }
        reporter.report();
        Optional<Checkpoint> newest = store.newest().whole();
        if (done > 0 && newest.map(Checkpoint::step).orElse(0L) < done) {
            throw InputException.of("%s; the run has ended, go on with './xiaolu resume %s'", notSaved, folder);
        }
        return new TrainRun.Ended(folder, done, done >= config.train().steps(), newest, reporter.heldOut());
    }

    @Override public void close() {
        page.ifPresent(StatusServer::close);
        if (coordinator != null) {
            status.over(coordinator.state(), goodput.share(clock.nanos()), incidents(), workers);
        }
        log.close();
        reporter.close();
    }
}
