package dev.xiaolu.sim;

import static dev.xiaolu.sim.FaultKind.CLOCK;
import static dev.xiaolu.sim.FaultKind.DISK;
import static dev.xiaolu.sim.FaultKind.FLIP;
import static dev.xiaolu.sim.FaultKind.KILL;
import static dev.xiaolu.sim.FaultKind.PARTITION;
import static dev.xiaolu.sim.FaultKind.SLOW;
import static dev.xiaolu.sim.FaultKind.STOP;

import java.util.EnumSet;
import java.util.Set;

/// Ways through the control plane that a run seldom takes. A budget of seeds must take each of them that its faults open.
public enum Branch {
    LOST_GATHERING("a rank is lost while ranks gather", KILL),
    LOST_SETTLING("a rank is lost while ranks settle", KILL),
    LOST_COMPUTING("a rank is lost while leaves are computed", KILL),
    LOST_REDUCING("a rank is lost while gradients are summed", KILL),
    LOST_STAGING("a rank is lost while weights are staged", KILL),
    LOST_ENDING("a rank is lost while the last checkpoint is saved", KILL),
    LOST_WAITING("a rank is lost while too few are left", KILL),
    LOST_SAVING("a rank is lost while it saves", KILL),
    SILENT("a rank is lost because it is silent", STOP, PARTITION),
    IDLE("a rank is lost because it makes no progress", PARTITION, SLOW),
    WAITED("the run waits, since too few are left", KILL),
    REWOUND("the run goes back to a checkpoint", KILL),
    NEWCOMERS("newcomers take over state between steps", KILL),
    REFUSED("a process with another program is refused", KILL),
    FENCED("a rank that was given up still talks", STOP, PARTITION),
    STALE("a message comes too late to count", KILL),
    NOT_SAVED("a checkpoint is not saved", DISK),
    ODD_LEAF("a leaf differs between two ranks, a third decides", FLIP),
    ODD_WEIGHTS("staged weights differ at one rank", FLIP),
    WEIGHED("leaves are shared out by speed", SLOW),
    EXCUSED("the coordinator was away and blames nobody", CLOCK),
    DURABLE("a checkpoint is saved"),
    ENDED("the run ends with its last step");

    private final String words;
    private final Set<FaultKind> openedBy = EnumSet.noneOf(FaultKind.class);

    Branch(String words, FaultKind... openedBy) {
        this.words = words;
        this.openedBy.addAll(Set.of(openedBy));
    }

    /// What happens there.
    public String words() {
        return words;
    }

    /// Whether runs like this one must take it, if there are enough of them. With fewer than three ranks some ways do not exist.
    boolean isOpen(Scenario scenario) {
        return openedBy.isEmpty() || scenario.nodes() >= 3 && openedBy.stream().anyMatch(scenario.faults()::contains);
    }
}
