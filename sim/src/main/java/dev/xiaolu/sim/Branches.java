package dev.xiaolu.sim;

import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Next;
import dev.xiaolu.recover.State;
import java.util.EnumSet;
import java.util.Set;

/// Notes which branches a run takes.
final class Branches implements Watcher {
    private final Set<Branch> taken = EnumSet.noneOf(Branch.class);

    Set<Branch> taken() {
        return taken;
    }

    @Override public void saw(State before, Event event, Next next) {
        switch (event) {
            case Event.Speeds(var weights) when !weights.isEmpty() -> taken.add(Branch.WEIGHED);
            case Event.FromRank _ when next.state().run().ignored() > before.run().ignored() -> taken.add(Branch.STALE);
            default -> { }
        }
        for (Action action : next.actions()) {
            switch (action) {
                case Action.Fence(long id, String why) -> fence(before, id, why);
                case Action.Wait _ -> taken.add(Branch.WAITED);
                case Action.Rewound _ -> taken.add(Branch.REWOUND);
                case Action.Refuse _ -> taken.add(Branch.REFUSED);
                case Action.Fenced _ -> taken.add(Branch.FENCED);
                case Action.NotSaved _ -> taken.add(Branch.NOT_SAVED);
                case Action.Durable _ -> taken.add(Branch.DURABLE);
                case Action.Ended _ -> taken.add(Branch.ENDED);
                case Action.Layout layout when !layout.settled().isEmpty() && !layout.newcomers().isEmpty() -> taken.add(Branch.NEWCOMERS);
                default -> { }
            }
        }
    }

    private void fence(State before, long id, String why) {
        taken.add(switch (before) {
            case State.Gathering _ -> Branch.LOST_GATHERING;
            case State.Waiting _ -> Branch.LOST_WAITING;
            case State.Settling _ -> Branch.LOST_SETTLING;
            case State.Computing _ -> Branch.LOST_COMPUTING;
            case State.Reducing _ -> Branch.LOST_REDUCING;
            case State.Staging _ -> Branch.LOST_STAGING;
            case State.Ending _, State.Ended _, State.Failed _ -> Branch.LOST_ENDING;
        });
        if (before.run().saves().stream().anyMatch(save -> save.id() == id)) {
            taken.add(Branch.LOST_SAVING);
        }
        if (why.startsWith("silent")) {
            taken.add(Branch.SILENT);
        } else if (why.startsWith("no progress")) {
            taken.add(Branch.IDLE);
        } else if (why.startsWith("quarantined: leaf")) {
            taken.add(Branch.ODD_LEAF);
        } else if (why.startsWith("quarantined: weights")) {
            taken.add(Branch.ODD_WEIGHTS);
        }
    }

    void excused() {
        taken.add(Branch.EXCUSED);
    }
}
