package dev.xiaolu.recover;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/// Watches a history and tells what must never be in one. It knows nothing of how [Control] decides: it reads events and actions alone, those of a simulation or the log of a run.
///
/// Not thread-safe.
public final class HistoryCheck {
    private final Plan plan;
    private final long from;
    private final List<String> faults = new ArrayList<>();
    private final Map<Long, Member> joined = new HashMap<>();
    private final Set<Long> fenced = new HashSet<>();
    private final Set<Action.Save> asked = new HashSet<>();
    private final Map<Integer, Set<Long>> found = new HashMap<>();       // leaf of the step under way: who says to hold it
    private final Map<Integer, Map<Long, Leaf>> told = new HashMap<>();  // leaf of the step under way: results by rank, those of checks too
    private final Map<Long, List<Long>> reduced = new HashMap<>();
    private final Set<Long> ready = new HashSet<>(), staged = new HashSet<>(), isMember = new HashSet<>();
    private List<Long> members = List.of(), settled = List.of(), updated = List.of();
    private long generation, committed, durable, began = Long.MAX_VALUE, turn, reduceStep = -1, updateStep = -1;
    private boolean isSettled, isOver;

    /// A check of a run of `plan` that begins with the state of step `from`.
    public HistoryCheck(Plan plan, long from) {
        this.plan = plan;
        this.from = from;
        this.committed = from;
        this.durable = from;
    }

    /// Checks a whole history; the faults, none if all is well.
    public static List<String> faults(Plan plan, long from, History history) {
        var check = new HistoryCheck(plan, from);
        history.turns().forEach(turn -> check.see(turn.event(), turn.actions()));
        return check.faults();
    }

    /// What was wrong so far, in order.
    public List<String> faults() {
        return List.copyOf(faults);
    }

    private void want(boolean condition, String format, Object... args) {
        if (!condition) {
            Object[] shown = Arrays.stream(args).map(arg -> arg instanceof Action action ? Lines.of(action) : arg).toArray();
            faults.add("turn %d: %s".formatted(turn, format.formatted(shown)));
        }
    }

    /// Takes in what happened next.
    public void see(Event event, List<Action> actions) {
        turn++;
        switch (event) {
            case Event.Joined(Member member, _) -> joined.putIfAbsent(member.id(), member);
            case Event.Ready(long id, long g) when g == generation -> ready.add(id);
            case Event.Computed(long id, long g, long step, List<Leaf> leaves) when step == committed + 1 && g >= began && g <= generation && isMember.contains(id) ->
                leaves.forEach(leaf -> computed(id, leaf));
            case Event.Reduced(long id, long g, long step, List<Long> counts) when g == generation && step == reduceStep -> reduced.putIfAbsent(id, counts);
            case Event.Staged(long id, long g, long step, _) when g == generation && step == updateStep -> staged.add(id);
            case Event.Saved(long id, long g, long step) when asked.contains(new Action.Save(id, g, step)) && !fenced.contains(id) -> durable = Math.max(durable, step);
            case Event.Damaged(long step, long newest) when step == durable && newest < step -> durable = newest < 0 ? from : newest;
            default -> { }
        }
        want(!isOver || actions.isEmpty() || actions.stream().allMatch(Action.Fenced.class::isInstance), "after the end came %s", actions);
        actions.forEach(this::see);
    }

    private void see(Action action) {
        if (action instanceof Action.Order order) {
            for (long id : order.to()) {
                want(!fenced.contains(id), "%s goes to rank %d, which is fenced", action, id);
                want(joined.containsKey(id), "%s goes to rank %d, which never joined", action, id);
                want(isMember.contains(id) || action instanceof Action.Layout || action instanceof Action.Finish, "%s goes to rank %d, which is no member", action, id);
            }
            want(!order.to().isEmpty(), "%s goes to nobody", action);
        }
        switch (action) {
            case Action.Layout layout -> layout(layout);
            case Action.Settled(long g, List<Long> to) -> {
                inGeneration(action, g, false);
                everyMember(action, to);
                want(ready.containsAll(members), "generation %d settled, but only %s of %s were ready", g, ready, members);
                settled = members;
                isSettled = true;
            }
            case Action.Compute(long id, long g, long step, List<Integer> leaves, List<Integer> checks) -> {
                inGeneration(action, g, true);
                want(step == committed + 1, "step %d is computed after step %d", step, committed);
                began = Math.min(began, g);
                want(Collections.disjoint(leaves, checks), "rank %d checks leaves that are its own: %s and %s", id, leaves, checks);
            }
            case Action.Reduce reduce -> reduce(reduce);
            case Action.Update update -> update(update);
            case Action.Committed(long step, List<Long> totals, _) -> {
                want(step == committed + 1, "step %d is committed after step %d", step, committed);
                want(isSettled && step == updateStep && staged.containsAll(members), "step %d is committed with only %s of %s staged", step, staged, members);
                want(totals.equals(updated), "step %d is committed with other totals than those of its update", step);
                committed = step;
                endStep();
                began = Long.MAX_VALUE;
            }
            case Action.Commit(long g, long step, List<Long> to) -> {
                inGeneration(action, g, true);
                everyMember(action, to);
                want(step == committed, "ranks are told to commit step %d, but %d is committed", step, committed);
            }
            case Action.Save save -> {
                inGeneration(action, save.generation(), true);
                want(save.step() == committed, "step %d is saved, but %d is committed", save.step(), committed);
                asked.add(save);
            }
            case Action.Durable(long step) -> want(step == durable && step <= committed, "checkpoint %d counts, but %d was saved and %d is committed", step, durable, committed);
            case Action.Rewound(_, long step, _) -> {
                want(step == durable && step <= committed, "went back to step %d, but %d is durable and %d was committed", step, durable, committed);
                committed = step;
                settled = List.of();
                asked.clear();
                endStep();
                began = Long.MAX_VALUE;
            }
            case Action.Fence(long id, _) -> {
                want(fenced.add(id), "rank %d is fenced twice", id);
                if (isMember.contains(id)) {
                    isSettled = false;                                   // its generation is over
                    endPhase();
                }
            }
            case Action.Fenced(long id) -> want(fenced.contains(id), "rank %d is told that it is fenced, and is not", id);
            case Action.Refuse(long id, _) -> {
                want(!isMember.contains(id), "rank %d is refused, but it is a member", id);
                joined.remove(id);
            }
            case Action.Ended(long step, _, _) -> {
                want(step == committed, "ended at step %d, but %d is committed", step, committed);
                isOver = true;
            }
            case Action.Failed _ -> isOver = true;
            case Action.Finish(long step, _) -> want(step == committed, "finished at step %d, but %d is committed", step, committed);
            case Action.NotSaved _, Action.Repeated _, Action.Wait _ -> { }
        }
    }

    private void computed(long id, Leaf leaf) {
        Map<Long, Leaf> results = told.computeIfAbsent(leaf.index(), _ -> new HashMap<>());
        if (leaf.check()) {
            results.putIfAbsent(id, leaf);
        } else {
            found.computeIfAbsent(leaf.index(), _ -> new HashSet<>()).add(id);
            results.put(id, leaf);                                       // what is in its sum, whatever it found as a check before
        }
    }

    private void layout(Action.Layout layout) {
        if (layout.anew()) {
            endStep();
            began = Long.MAX_VALUE;
        }
        want(layout.generation() > generation, "generation %d follows %d", layout.generation(), generation);
        want(new TreeSet<>(layout.to()).size() == layout.to().size(), "two members of one id in %s", layout.to());
        layout.members().forEach(member -> want(member.equals(joined.get(member.id())), "member %s has joined as %s", member, joined.get(member.id())));
        want(layout.committed() == committed, "the layout has the state of step %d, but %d is committed", layout.committed(), committed);
        want(layout.settled().equals(settled), "the layout starts from the placement among %s, but it is among %s", layout.settled(), settled);
        List<Long> living = settled.stream().filter(id -> !fenced.contains(id)).toList();
        want(layout.base().equals(living), "the layout takes state from %s, but those with state are %s", layout.base(), living);
        want(new HashSet<>(layout.to()).containsAll(layout.base()), "ranks with state are left out: %s has not all of %s", layout.to(), layout.base());
        generation = layout.generation();
        members = layout.to();
        isMember.clear();
        isMember.addAll(members);
        isSettled = false;
        ready.clear();
        endPhase();
    }

    private void reduce(Action.Reduce reduce) {
        inGeneration(reduce, reduce.generation(), true);
        everyMember(reduce, reduce.to());
        want(reduce.step() == committed + 1, "step %d is reduced after step %d", reduce.step(), committed);
        var seen = new TreeSet<Integer>();
        reduce.holders().forEach((id, leaves) -> leaves.forEach(leaf -> {
            want(seen.add(leaf), "leaf %d of step %d is counted twice", leaf, reduce.step());
            want(found.getOrDefault(leaf, Set.of()).contains(id), "leaf %d of step %d counts at rank %d, which never computed it", leaf, reduce.step(), id);
            agreed(reduce.step(), leaf, id);
        }));
        int leaves = plan.leavesOf(reduce.step());
        want(seen.size() == leaves && (leaves == 0 || seen.first() == 0 && seen.last() == leaves - 1), "step %d has leaves %s, wanted 0 to %d", reduce.step(), seen, leaves - 1);
        endPhase();
        reduceStep = reduce.step();
    }

    /// No living rank has found something else about a leaf than the one at which it counts.
    private void agreed(long step, int leaf, long holder) {
        Map<Long, Leaf> results = told.getOrDefault(leaf, Map.of());
        if (results.size() > 1 && results.containsKey(holder)) {
            Leaf counted = results.get(holder);
            results.forEach((id, its) -> want(fenced.contains(id) || its.high() == counted.high() && its.low() == counted.low(),
                    "leaf %d of step %d counts as rank %d has it, rank %d has found something else", leaf, step, holder, id));
        }
    }

    private void update(Action.Update update) {
        inGeneration(update, update.generation(), true);
        everyMember(update, update.to());
        want(update.step() == reduceStep && reduced.keySet().containsAll(members), "step %d is updated with counts of %s, wanted those of %s", update.step(), reduced.keySet(), members);
        for (int i = 0; i < update.totals().size(); i++) {
            int at = i;
            long sum = members.stream().mapToLong(id -> reduced.getOrDefault(id, List.of()).size() > at ? reduced.get(id).get(at) : 0).sum();
            want(sum == update.totals().get(i), "total %d of step %d is %d, the counts sum to %d", i, update.step(), update.totals().get(i), sum);
        }
        updateStep = update.step();
        updated = update.totals();
    }

    private void inGeneration(Action action, long g, boolean settledToo) {
        want(g == generation && isSettled == settledToo, "%s in generation %d, which is %s", action, generation, isSettled ? "settled" : "not settled");
    }

    private void everyMember(Action action, List<Long> to) {
        want(new HashSet<>(to).equals(isMember), "%s goes to %s, the members are %s", action, to, members);
    }

    private void endPhase() {
        reduceStep = -1;
        updateStep = -1;
        reduced.clear();
        staged.clear();
    }

    private void endStep() {
        endPhase();
        found.clear();
        told.clear();
    }
}
