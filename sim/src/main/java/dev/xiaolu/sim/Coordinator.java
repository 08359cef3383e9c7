package dev.xiaolu.sim;

import static dev.xiaolu.sim.Timeline.SECONDS;

import dev.xiaolu.platform.Clock;
import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Heartbeats;
import dev.xiaolu.recover.Next;
import dev.xiaolu.recover.State;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/// The process around the control plane: brings it events, sends its orders, keeps its timers, looks who is late.
final class Coordinator {
    private static final long START = 120 * SECONDS, PATIENCE = 900 * SECONDS;

    /// Where orders and ends go.
    interface Ranks {
        /// An order is on its way to a rank.
        void order(long id, Action.Order order);

        /// A rank is to have no more effect.
        void end(long id);

        /// Another process is to come in place of one that was lost or refused.
        void replace();
    }

    private final Rules rules;
    private final Timeline timeline;
    private final Ranks ranks;
    private final List<Watcher> watchers;
    private final Watch watch = new Watch();
    private final Deque<Runnable> held = new ArrayDeque<>();             // what came while the host was suspended
    private SortedMap<Long, Integer> weights = new TreeMap<>();
    private State state;
    private boolean suspended;
    private long leapt;
    private int excuses;

    Coordinator(State start, Rules rules, Timeline timeline, Ranks ranks, List<Watcher> watchers) {
        this.state = start;
        this.rules = rules;
        this.timeline = timeline;
        this.ranks = ranks;
        this.watchers = watchers;
        timeline.after(START, () -> awake(() -> happens(new Event.StartDeadline())));
        timeline.after(Watch.LOOK, () -> awake(this::look));
    }

    State state() {
        return state;
    }

    /// How often it found that it was itself away.
    int excuses() {
        return excuses;
    }

    /// The clock of its host: that of the world, with its leaps.
    private final Clock clock = new Clock() {
        @Override public long nanos() {
            return timeline.nanos() + leapt;
        }

        @Override public long wallMillis() {
            return timeline.wallMillis() + leapt / Timeline.MILLIS;
        }
    };

    /// The clock leaps ahead.
    void leap(long nanos) {
        leapt += nanos;
    }

    /// The host stands still for so long; what arrives waits.
    void suspend(long nanos) {
        if (!suspended) {
            suspended = true;
            timeline.after(nanos, () -> {
                suspended = false;
                while (!held.isEmpty()) {
                    held.remove().run();
                }
            });
        }
    }

    private void awake(Runnable what) {
        if (suspended) {
            held.add(what);
        } else {
            what.run();
        }
    }

    /// A sign of life has come.
    void beat(long id) {
        awake(() -> {
            watch.beat(id, clock.nanos());
            if (state.run().fenced().contains(id)) {
                ranks.end(id);
            }
        });
    }

    /// A message has come.
    void hear(Event event) {
        awake(() -> {
            long now = clock.nanos();
            if (event instanceof Event.Joined(var member, _)) {
                watch.progress(member.id(), now);
            } else if (event instanceof Event.FromRank message && !state.run().fenced().contains(message.id())) {
                watch.beat(message.id(), now);
                watch.progress(message.id(), now);
                if (event instanceof Event.Computed computed) {
                    watch.computed(computed.id(), computed.leaves().size(), now);
                }
            }
            happens(event);
        });
    }

    private void happens(Event event) {
        if (state.isOver()) {
            return;
        }
        State before = state;
        Next next = rules.next(before, event);
        state = next.state();
        watchers.forEach(watcher -> watcher.saw(before, event, next));
        next.actions().forEach(this::act);
    }

    private void act(Action action) {
        long now = clock.nanos();
        switch (action) {
            case Action.Order order -> order.to().forEach(id -> {
                watch.progress(id, now);
                if (order instanceof Action.Compute) {
                    watch.askedForLeaves(id, now);
                }
                ranks.order(id, order);
            });
            case Action.Fence(long id, _) -> {
                watch.forget(id);
                ranks.end(id);
                ranks.replace();
            }
            case Action.Fenced(long id) -> ranks.end(id);
            case Action.Refuse(long id, _) -> {
                watch.forget(id);
                ranks.end(id);
                ranks.replace();
            }
            case Action.Wait(long generation, _, _) -> timeline.after(PATIENCE, () -> awake(() -> happens(new Event.WaitDeadline(generation))));
            case Action.Committed _ -> timeline.after(0, () -> awake(this::weigh));
            case Action.Durable _, Action.NotSaved _, Action.Repeated _, Action.Rewound _, Action.Failed _, Action.Ended _ -> { }
        }
    }

    /// Tells the control plane who is slower or faster than most, where that has changed.
    private void weigh() {
        SortedMap<Long, Integer> now = watch.weights();
        if (!now.equals(weights)) {
            weights = now;
            happens(new Event.Speeds(now));
        }
    }

    private void look() {
        long away = watch.away(clock.nanos());
        if (away > Watch.LOOK) {
            excuses++;
            watch.excuse(away);
        }
        for (Heartbeats.Late late : new ArrayList<>(watch.late(state.awaited(), clock.nanos()))) {
            happens(new Event.Lost(late.id(), late.why()));
        }
        timeline.after(Watch.LOOK, () -> awake(this::look));
    }
}
