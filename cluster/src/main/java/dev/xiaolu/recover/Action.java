package dev.xiaolu.recover;

import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/// What the control plane wants done, in the order given. Immutable; [Lines] writes and reads one as a line of text.
public sealed interface Action {
    /// A message to ranks that take part. Messages to one rank must arrive in the order of the actions.
    sealed interface Order extends Action {
        /// Who is to get it.
        List<Long> to();
    }

    /// These are the members of a new generation, in order: make what is yours by the new placement from what is at `base`. What was staged is void; leaves stay.
    /// The old placement is kept until [Settled], since a further loss starts from it again.
    ///
    /// @param settled the ordered list by which the state is placed now; empty where everybody begins from the seed or the checkpoint of `committed`
    /// @param base those of `settled` who live, in its order
    /// @param committed the step whose state it is
    /// @param newcomers the members who have not been in a settled generation
    /// @param anew whether leaves of the step under way are void too
    record Layout(long generation, List<Member> members, List<Long> settled, List<Long> base, long committed, List<Long> newcomers, boolean anew) implements Order {
        public Layout {
            members = List.copyOf(members);
            settled = List.copyOf(settled);
            base = List.copyOf(base);
            newcomers = List.copyOf(newcomers);
        }

        @Override public List<Long> to() {
            return members.stream().map(Member::id).toList();
        }
    }

    /// All members are ready: the new placement holds, the old one can go.
    record Settled(long generation, List<Long> to) implements Order {
        public Settled {
            to = List.copyOf(to);
        }
    }

    /// All that this rank has still to compute; what it has computed of the step already it leaves out. `checks` are computed for their digest and go into no sum.
    record Compute(long id, long generation, long step, List<Integer> leaves, List<Integer> checks) implements Order {
        public Compute {
            leaves = List.copyOf(leaves);
            checks = List.copyOf(checks);
        }

        @Override public List<Long> to() {
            return List.of(id);
        }
    }

    /// Every leaf is at one member: sum the gradients. Members without a leaf have an empty list.
    record Reduce(long generation, long step, SortedMap<Long, List<Integer>> holders) implements Order {
        public Reduce {
            holders = Collections.unmodifiableSortedMap(new TreeMap<>(holders));
        }

        @Override public List<Long> to() {
            return List.copyOf(holders.keySet());
        }
    }

    /// The summed counts of all: make the new weights, beside the old ones.
    record Update(long generation, long step, List<Long> totals, List<Long> to) implements Order {
        public Update {
            totals = List.copyOf(totals);
            to = List.copyOf(to);
        }
    }

    /// What was staged is now the state.
    record Commit(long generation, long step, List<Long> to) implements Order {
        public Commit {
            to = List.copyOf(to);
        }
    }

    /// Save a checkpoint of the committed step while the run goes on.
    record Save(long id, long generation, long step) implements Order {
        @Override public List<Long> to() {
            return List.of(id);
        }
    }

    /// The run is over.
    record Finish(long step, List<Long> to) implements Order {
        public Finish {
            to = List.copyOf(to);
        }
    }

    /// Tell a process that it cannot take part, and why.
    record Refuse(long id, List<Difference> differences) implements Action {
        public Refuse {
            differences = List.copyOf(differences);
        }
    }

    /// A field of the fingerprint that is not as it must be; `missing` stands for a field that one side does not have.
    record Difference(String field, String wanted, String found) {}

    /// Tell a process that the run has gone on without it.
    record Fenced(long id) implements Action {}

    /// Make sure that the process has no more effect: end it, drop its connections.
    record Fence(long id, String why) implements Action {}

    /// The step counts: its totals, and the digests that the ranks agree upon.
    record Committed(long step, List<Long> totals, SortedMap<String, String> digests) implements Action {
        public Committed {
            totals = List.copyOf(totals);
            digests = Collections.unmodifiableSortedMap(new TreeMap<>(digests));
        }
    }

    /// This checkpoint is now the newest.
    record Durable(long step) implements Action {}

    /// A checkpoint was not made; the run goes on without it.
    record NotSaved(long step, String why) implements Action {}

    /// Steps after this one are undone, since state was lost.
    record Rewound(long generation, long step, String why) implements Action {}

    /// The step under way is begun once more, from its first leaf.
    record Repeated(long generation, long step, String why) implements Action {}

    /// Too few ranks are left; answer with [Event.WaitDeadline] of this generation when the patience is over.
    record Wait(long generation, int have, int fewest) implements Action {}

    /// The run cannot go on.
    record Failed(String why) implements Action {}

    /// The run has ended at this step; `durable` is its newest checkpoint, -1 if there is none.
    record Ended(long step, long durable, String why) implements Action {}
}
