package dev.xiaolu.rank;

import dev.xiaolu.consensus.Replica;
import dev.xiaolu.platform.Clock;
import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Member;
import dev.xiaolu.recover.State;
import dev.xiaolu.status.RunStatus;
import dev.xiaolu.status.StatusReader;
import dev.xiaolu.status.StatusServer;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.RunData;
import dev.xiaolu.train.RunJournal;
import dev.xiaolu.train.RunReporter;
import dev.xiaolu.train.Screen;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SortedMap;
import java.util.function.BooleanSupplier;

/// What the launching process does beside being a replica, whether it leads or not: shows the run to its owner, looks after the workers it has started, hears when the run is to end. On the coordinator's thread.
final class Front implements Coordinator.Watcher, AutoCloseable {
    private final RunConfig config;
    private final RunData data;
    private final Clock clock;
    private final BooleanSupplier stop;
    private final Conductor conductor;
    private final LocalWorkers workers;
    private final RunReporter screen;
    private final Feed feed;
    private final Optional<StatusServer> page;
    private volatile boolean speaks = true;
    private Coordinator coordinator;
    private String notSaved = "no checkpoint was saved";
    private Ledger before;
    private boolean prepared;
    private boolean stopping;
    private long ranks, generation;

    Front(RunConfig config, Path folder, RunData data, Charter charter, Clock clock, Screen screen, BooleanSupplier stop, Conductor conductor, LocalWorkers workers) {
        this.config = config;
        this.data = data;
        this.clock = clock;
        this.stop = stop;
        this.conductor = conductor;
        this.workers = workers;
        this.screen = new RunReporter(RunJournal.screenAlone(folder, config, clock, screen), config, data, charter.from(), charter.peak(), clock);
        this.screen.also(this::words);
        before = charter.ledger();
        feed = new Feed(this.screen, charter.from(), charter.from());
        page = StatusServer.open(config.launch().pagePort(), folder, () -> status(folder), clock, this.screen::warned);
        page.ifPresent(open -> {
            conductor.page(open.address());
            this.screen.say("watch it at " + open.address());
        });
    }

    void watches(Coordinator one) {
        coordinator = one;
    }

    /// What was made here, or by the process that leads.
    private RunStatus status(Path folder) {
        return speaks ? conductor.status() : StatusReader.read(folder, clock);
    }

    private String words() {
        double share = conductor.goodput();
        return String.format(Locale.ROOT, "%d ranks, generation %d%s", ranks, generation, Double.isNaN(share) ? "" : String.format(Locale.ROOT, ", goodput %.0f%%", 100 * share));
    }

    @Override public void turned(Coordinator.Turned now) {
        conductor.turned(now);
        ranks = now.state().run().ids().size();
        generation = now.state().run().generation();
        if (now.state().isOver()) {
            workers.startNoMore();                               // before ranks are told: who takes its leave shall not come back while others still do
        }
        if (now.turn().event() instanceof Event.Joined(Member member, _)) {
            workers.joined(member.pid());
        }
        for (Action action : now.turn().actions()) {
            told(action);
            if (action instanceof Action.Update(long of, long step, _, _) && now.ledger().doubt() instanceof Ledger.Doubt doubt && doubt.generation() == of && doubt.step() == step && doubt.spike() && doubt.same()) {
                screen.warned("%s; a second computation, by other ranks, gave the same bits, so it is the data or the model, and not the hardware; the run goes on".formatted(doubt.found()));
            }
        }
        bring(now.ledger(), false);
        before = now.ledger();
    }

    private void told(Action action) {
        switch (action) {
            case Action.Update(long of, long step, var totals, _) when before.doubt() != null && before.doubt().step() == step && before.doubt().generation() < of && !before.doubt().totals().equals(totals) ->
                screen.warned("step %d gave other numbers the second time: the hardware of a rank errs; './xiaolu doctor' on its machine may find it".formatted(step));
            case Action.Committed _ -> workers.committed();
            case Action.NotSaved(_, String why) -> {
                notSaved = why;
                screen.warned(why);
            }
            case Action.Repeated(_, long step, String why) -> screen.say("step %d is computed once more: %s".formatted(step, why));
            case Action.Rewound(_, long step, String why) -> screen.warned("%s; the run goes on from step %d".formatted(why, step));
            case Action.Wait(_, int have, int fewest) -> screen.warned("only %d ranks are left, wanted at least %d; the run waits for more".formatted(have, fewest));
            case Action.Fence(long id, String why) -> coordinator.member(id).ifPresent(member -> lost(member, before.numbers().getOrDefault(id, -1), why));
            default -> { }
        }
    }

    private void lost(Member member, int worker, String why) {
        if (why.startsWith("quarantined")) {
            workers.distrust(member.pid());
        }
        screen.say("worker %d (process %d) is lost: %s".formatted(worker, member.pid(), why));
    }

    private void bring(Ledger ledger, boolean whole) {
        if (!prepared && !ledger.about().isEmpty()) {
            prepared = true;
            screen.prepared(About.prepared(ledger.about(), ledger.step() + 1, config, data));
        }
        if (prepared) {
            feed.bring(ledger, whole);
        }
    }

    @Override public void ticked(State state, Ledger ledger, SortedMap<Long, Coordinator.Pulse> pulses, boolean now) {
        speaks = now;
        if (!stopping && stop.getAsBoolean()) {
            stopping = true;
            coordinator.stop("asked to");
        }
        conductor.ticked(state, ledger, pulses, now);
    }

    @Override public void leads(boolean now) {
        conductor.leads(now);
    }

    @Override public void replicas(List<Replica> all, List<Member> ranks) {
        conductor.replicas(all, ranks);
    }

    @Override public void fence(Member member, String why) {
        conductor.fence(member, why);
    }

    @Override public long wholeBefore(long step) {
        return conductor.wholeBefore(step);
    }

    @Override public void closes(State state, Ledger ledger) {
        conductor.closes(state, ledger);
    }

    /// Something that the run survives but its owner should know.
    void warned(String what) {
        screen.warned(what);
    }

    /// Why the newest checkpoint that is missing is.
    String notSaved() {
        return notSaved;
    }

    /// The screen, with everything that was to be shown.
    RunReporter shown(Ledger ledger) {
        bring(ledger, true);
        return screen;
    }

    @Override public void close() {
        page.ifPresent(StatusServer::close);
        screen.close();
    }
}
