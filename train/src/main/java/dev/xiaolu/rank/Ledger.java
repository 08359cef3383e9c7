package dev.xiaolu.rank;

import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.History;
import dev.xiaolu.recover.State;
import dev.xiaolu.store.DigestChain;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// What follows from the events of a run beside the state of its control plane, and what every replica must know to lead: the chain of digests, the newest steps, what is looked at, what is
/// doubted. A pure function of the log, but for the seconds that steps took.
///
/// @param step       the newest committed step
/// @param chain      of all steps up to it
/// @param chains     chains up to steps that were saved, or may be, by step
/// @param rows       the newest committed steps, oldest first
/// @param about      what stands fixed about the model, as JSON; empty before a rank has told
/// @param numbers    which worker a rank is, by id
/// @param look       the step that somebody looks at; null where nobody does
/// @param seen       what was seen last, as JSON; empty where nothing was
/// @param doubt      the step whose sums were no finite numbers; null where there is none
/// @param unreadable steps whose checkpoints cannot be read and for which no older one is found yet
/// @param notSaved   why the newest checkpoint that is missing is
/// @param outside    where a gradient of a step was found that has no exact sum, by who told it first; null where none was
record Ledger(long step, DigestChain chain, SortedMap<Long, String> chains, List<Row> rows, String about, SortedMap<Long, Integer> numbers, Look look, String seen, Doubt doubt,
        SortedSet<Long> unreadable, String notSaved, Outside outside) {
    /// So many steps are kept for a leader that comes after one which had not written them.
    static final int MOST_ROWS = 64;

    /// A committed step.
    ///
    /// @param result     what it did, as JSON
    /// @param weights    digest of the weights after it
    /// @param chain      after it, 64 hex digits
    /// @param seconds    how long it took where it was seen
    /// @param evaluation what came of looking at held-out text, as JSON; empty where nobody looked or nothing came of it
    record Row(long step, String result, String weights, String chain, double seconds, String evaluation) {}

    /// Somebody looks at the model after this step.
    record Look(long step, long id) {}

    /// Sums that are to be found twice to be believed, in words, and whether they had been found before.
    ///
    /// @param again whether the step had been computed once before
    /// @param same  whether it had the same sums then
    /// @param spike whether they are finite numbers, with which the run can go on
    record Doubt(long step, long generation, List<Long> totals, String found, boolean again, boolean same, boolean spike) {
        Doubt {
            totals = List.copyOf(totals);
        }
    }

    /// Where a gradient of a step has no exact sum, in words.
    record Outside(long step, String where) {}

    /// What a run's config says about its steps.
    interface Rules {
        /// Whether the committed step is to be looked at.
        boolean looks(long step);

        /// What is wrong with these sums of a step, in words; null where nothing is.
        ///
        /// @param where where a gradient has no exact sum, in words; empty where nobody has told
        String fault(String about, long step, List<Long> totals, String where, long durable);

        /// How far these sums are from those of the steps before, in words; null where they may well be right.
        String spike(String about, long step, List<Long> totals, List<Row> before);
    }

    Ledger {
        chains = Collections.unmodifiableSortedMap(new TreeMap<>(chains));
        rows = List.copyOf(rows);
        numbers = Collections.unmodifiableSortedMap(new TreeMap<>(numbers));
        unreadable = Collections.unmodifiableSortedSet(new TreeSet<>(unreadable));
    }

    /// Before anything has happened in a launch that goes on from `step`.
    static Ledger of(long step, DigestChain chain, SortedMap<Long, String> chains) {
        var all = new TreeMap<>(chains);
        all.put(step, chain.hex());
        return new Ledger(step, chain, all, List.of(), "", new TreeMap<>(), null, "", null, new TreeSet<>(), "no checkpoint was saved", null);
    }

    /// After one more event, which has led to `state`.
    ///
    /// @param seconds since the step before was committed
    Ledger after(History.Turn turn, State state, double seconds, Rules rules) {
        Ledger now = switch (turn.event()) {
            case Event.Joined(var member, _) when !numbers.containsKey(member.id()) -> {
                var more = new TreeMap<>(numbers);
                more.put(member.id(), unused());                 // unless it has said which it is
                yield withNumbers(more);
            }
            case Event.Noted noted -> noted(noted);
            case Event.Damaged(long damaged, _) when unreadable.contains(damaged) -> {
                var less = new TreeSet<>(unreadable);
                less.remove(damaged);
                yield withUnreadable(less);
            }
            case Event.Lost(long id, _) when state.isOver() && look != null && look.id == id -> withLook(null);        // after the end nobody takes its place
            default -> this;
        };
        for (Action action : turn.actions()) {
            now = now.done(action, state, seconds, rules);
        }
        return now;
    }

    private int unused() {
        int number = 0;
        while (numbers.containsValue(number)) {
            number++;
        }
        return number;
    }

    private Ledger noted(Event.Noted noted) {
        switch (noted.subject()) {
            case Noted.ABOUT -> {
                int worker = JsonMapper.shared().readTree(noted.text()).path("worker").asInt(-1);
                var more = new TreeMap<>(numbers);
                if (worker >= 0) {
                    more.put(noted.id(), worker);
                }
                return new Ledger(step, chain, chains, rows, about.isEmpty() ? noted.text() : about, more, look, seen, doubt, unreadable, notSaved, outside);
            }
            case Noted.SEEN -> {
                JsonNode what = JsonMapper.shared().readTree(noted.text());
                long of = what.path("step").asLong(-1);
                if (look == null || look.id != noted.id() || look.step != of) {
                    return this;
                }
                String evaluation = what.has("evaluation") ? what.path("evaluation").toString() : "";
                return withRows(rows.stream().map(row -> row.step == of ? new Row(of, row.result, row.weights, row.chain, row.seconds, evaluation) : row).toList()).withSeen(noted.text()).withLook(null);
            }
            case Noted.UNREADABLE -> {
                var more = new TreeSet<>(unreadable);
                more.add(Long.parseLong(noted.text()));
                return withUnreadable(more);
            }
            case Noted.OUTSIDE -> {
                JsonNode what = JsonMapper.shared().readTree(noted.text());
                long of = what.path("step").asLong();
                return outside != null && outside.step == of ? this : new Ledger(step, chain, chains, rows, about, numbers, look, seen, doubt, unreadable, notSaved, new Outside(of, what.path("where").asString()));
            }
            default -> {
                return this;
            }
        }
    }

    private Ledger done(Action action, State state, double seconds, Rules rules) {
        return switch (action) {
            case Action.Update(long generation, long of, List<Long> totals, _) -> judged(generation, of, totals, rules.fault(about, of, totals, outside == null || outside.step != of ? "" : outside.where, state.run().durable()), rules);
            case Action.Committed(long of, _, SortedMap<String, String> digests) -> committed(of, digests.get(Told.RESULT), digests.get(Told.WEIGHTS), seconds);
            case Action.Commit(_, long of, List<Long> to) when rules.looks(of) -> withLook(new Look(of, to.getFirst()));
            case Action.Settled(_, List<Long> to) when look != null && !to.contains(look.id) -> withLook(new Look(look.step, to.getFirst()));
            case Action.Save save -> {
                var more = new TreeMap<>(chains);
                more.put(save.step(), chain.hex());
                yield withChains(more);
            }
            case Action.Rewound(_, long to, _) -> rewound(to);
            case Action.NotSaved(_, String why) -> new Ledger(step, chain, chains, rows, about, numbers, look, seen, doubt, unreadable, why, outside);
            case Action.Fence(long id, _) -> {
                var less = new TreeMap<>(numbers);
                less.remove(id);
                yield withNumbers(less);
            }
            default -> this;
        };
    }

    /// A step whose loss or gradient is no finite number, or whose loss leaps, is computed once more, its leaves at other ranks: the same bits again, and it is the data or the model; other bits, and it was the hardware.
    private Ledger judged(long generation, long of, List<Long> totals, String fault, Rules rules) {
        String spike = fault == null ? rules.spike(about, of, totals, rows) : null;
        if (fault == null && spike == null) {
            return withDoubt(null);
        }
        boolean again = doubt != null && doubt.step == of && doubt.generation < generation;
        return withDoubt(new Doubt(of, generation, totals, fault == null ? spike : fault, again, again && doubt.totals.equals(totals), fault == null));
    }

    private Ledger committed(long of, String result, String weights, double seconds) {
        if (weights == null || result == null) {
            return new Ledger(of, chain, chains, rows, about, numbers, look, seen, doubt, unreadable, notSaved, outside);
        }
        DigestChain next = chain.next(of, weights);
        var more = new ArrayList<>(rows);
        more.add(new Row(of, result, weights, next.hex(), seconds, ""));
        return new Ledger(of, next, chains, more.subList(Math.max(0, more.size() - MOST_ROWS), more.size()), about, numbers, look, seen, doubt, unreadable, notSaved, outside);
    }

    /// Steps after this one are undone.
    private Ledger rewound(long to) {
        DigestChain back = to == 0 ? DigestChain.START : chains.containsKey(to) ? new DigestChain(chains.get(to)) : DigestChain.START;
        return new Ledger(to, back, chains.headMap(to + 1), rows.stream().filter(row -> row.step <= to).toList(), about, numbers, look == null || look.step > to ? null : look, seen, doubt, unreadable, notSaved, outside);
    }

    private Ledger withNumbers(SortedMap<Long, Integer> now) {
        return new Ledger(step, chain, chains, rows, about, now, look, seen, doubt, unreadable, notSaved, outside);
    }

    private Ledger withUnreadable(SortedSet<Long> now) {
        return new Ledger(step, chain, chains, rows, about, numbers, look, seen, doubt, now, notSaved, outside);
    }

    private Ledger withLook(Look now) {
        return new Ledger(step, chain, chains, rows, about, numbers, now, seen, doubt, unreadable, notSaved, outside);
    }

    private Ledger withRows(List<Row> now) {
        return new Ledger(step, chain, chains, now, about, numbers, look, seen, doubt, unreadable, notSaved, outside);
    }

    private Ledger withSeen(String now) {
        return new Ledger(step, chain, chains, rows, about, numbers, look, now, doubt, unreadable, notSaved, outside);
    }

    private Ledger withChains(SortedMap<Long, String> now) {
        return new Ledger(step, chain, now, rows, about, numbers, look, seen, doubt, unreadable, notSaved, outside);
    }

    private Ledger withDoubt(Doubt now) {
        return new Ledger(step, chain, chains, rows, about, numbers, look, seen, now, unreadable, notSaved, outside);
    }

    /// Whether nothing is expected any more: the run is over, and nobody who is there looks at it.
    boolean isDone(State state) {
        return state.isOver() && (look == null || state instanceof State.Failed || !state.run().ids().contains(look.id));
    }

    /// One line of JSON.
    String json() {
        return JsonMapper.shared().writeValueAsString(this);
    }

    /// Reads what [#json] wrote; anything else is an [IllegalArgumentException].
    static Ledger of(String json) {
        try {
            return JsonMapper.shared().readValue(json, Ledger.class);
        } catch (tools.jackson.core.JacksonException broken) {
            throw new IllegalArgumentException("snapshot of a run: wanted what follows from its events, found other JSON: " + broken.getOriginalMessage(), broken);
        }
    }
}
