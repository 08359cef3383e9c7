package dev.xiaolu.recover;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/// What is true of a run in every state. Immutable; the methods give changed copies.
///
/// @param generation grows with every change of membership; 0 before the first layout
/// @param members who takes part, in order
/// @param settled the ordered list by which the state is placed; empty until the first generation has settled, and after going back to a checkpoint
/// @param candidates who has joined and waits for the next boundary, in order of joining
/// @param fenced all who ever were lost
/// @param committed the newest step whose state holds
/// @param durable the newest step that was saved, [#NONE] if there is none
/// @param work the step under way, null between steps
/// @param speeds weights of ranks
/// @param saves the checkpoints asked for and not answered
/// @param stopping why the run shall end after this step, null if it shall not
/// @param ignored how many messages came too late, twice, or from somebody who takes no part
public record Run(long generation, List<Member> members, List<Long> settled, List<Member> candidates, Set<Long> fenced, long committed, long durable, Work work,
        SortedMap<Long, Integer> speeds, List<Action.Save> saves, String stopping, long ignored) {
    /// No step.
    public static final long NONE = -1;

    static Run begin(Settings settings) {
        return new Run(0, List.of(), List.of(), List.of(), Set.of(), settings.from(), NONE, null, new TreeMap<>(), List.of(), null, 0);
    }

    /// The ids of the members, in order.
    public List<Long> ids() {
        return members.stream().map(Member::id).toList();
    }

    boolean isMember(long id) {
        for (Member member : members) {                                  // asked for every message: no stream
            if (member.id() == id) {
                return true;
            }
        }
        return false;
    }

    /// The member or candidate of that id, or null.
    Member known(long id) {
        var all = new ArrayList<>(members);
        all.addAll(candidates);
        return all.stream().filter(member -> member.id() == id).findFirst().orElse(null);
    }

    /// Members and candidates.
    List<Long> everybody() {
        var all = new ArrayList<>(ids());
        candidates.forEach(member -> all.add(member.id()));
        return all;
    }

    /// Those among whom the state is placed and who live.
    List<Long> base() {
        return settled.stream().filter(id -> !fenced.contains(id)).toList();
    }

    Run withGeneration(long next) {
        return new Run(next, members, settled, candidates, fenced, committed, durable, work, speeds, saves, stopping, ignored);
    }

    Run withCandidate(Member member) {
        var more = new ArrayList<>(candidates);
        more.add(member);
        return new Run(generation, members, settled, List.copyOf(more), fenced, committed, durable, work, speeds, saves, stopping, ignored);
    }

    /// Candidates become members, after those who are.
    Run withCandidatesIn() {
        var all = new ArrayList<>(members);
        all.addAll(candidates);
        return new Run(generation, List.copyOf(all), settled, List.of(), fenced, committed, durable, work, speeds, saves, stopping, ignored);
    }

    /// Without those, who are fenced from now on.
    Run without(Collection<Long> lost) {
        var more = new TreeSet<>(fenced);
        more.addAll(lost);
        return new Run(generation, members.stream().filter(member -> !lost.contains(member.id())).toList(), settled,
                candidates.stream().filter(member -> !lost.contains(member.id())).toList(), more, committed, durable, work == null ? null : work.without(lost), speeds,
                saves.stream().filter(save -> !lost.contains(save.id())).toList(), stopping, ignored);
    }

    Run withSettled(List<Long> now) {
        return new Run(generation, members, now, candidates, fenced, committed, durable, work, speeds, saves, stopping, ignored);
    }

    Run withCommitted(long step) {
        return new Run(generation, members, settled, candidates, fenced, step, durable, null, speeds, saves, stopping, ignored);
    }

    Run withDurable(long step) {
        return new Run(generation, members, settled, candidates, fenced, committed, step, work, speeds, saves, stopping, ignored);
    }

    Run withWork(Work next) {
        return new Run(generation, members, settled, candidates, fenced, committed, durable, next, speeds, saves, stopping, ignored);
    }

    Run withSpeeds(SortedMap<Long, Integer> weights) {
        return new Run(generation, members, settled, candidates, fenced, committed, durable, work, weights, saves, stopping, ignored);
    }

    Run withSaves(List<Action.Save> asked) {
        return new Run(generation, members, settled, candidates, fenced, committed, durable, work, speeds, List.copyOf(asked), stopping, ignored);
    }

    Run stopping(String why) {
        return new Run(generation, members, settled, candidates, fenced, committed, durable, work, speeds, saves, why, ignored);
    }

    Run ignoring() {
        return new Run(generation, members, settled, candidates, fenced, committed, durable, work, speeds, saves, stopping, ignored + 1);
    }

    /// At the state of `step`, with nothing placed and nothing under way.
    Run rewound(long step) {
        return new Run(generation, members, List.of(), candidates, fenced, step, durable, null, speeds, List.of(), stopping, ignored);
    }
}
