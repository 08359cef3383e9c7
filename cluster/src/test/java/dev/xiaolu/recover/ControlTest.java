package dev.xiaolu.recover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// The important transitions, one by one. Three ranks, six leaves, five steps, a checkpoint after each even step, unless said otherwise.
class ControlTest {
    private static final TreeMap<String, String> FINGERPRINT = new TreeMap<>(Map.of("program", "1.0", "corpus", "ab12"));

    private record FivePlan(List<Integer> twice) implements Plan {
        @Override public int leavesOf(long step) {
            return 6;
        }

        @Override public long lastStep() {
            return 5;
        }

        @Override public boolean isCheckpointStep(long step) {
            return step % 2 == 0;
        }

        @Override public List<Integer> doubled(long step) {
            return twice;
        }
    }

    private final Plan plan;
    private Control control;
    private State state;
    private List<Action> last;

    ControlTest() {
        plan = new FivePlan(List.of());
        begin(3, 2, true, plan);
    }

    private void begin(int wanted, int fewest, boolean fromAgain, Plan of) {
        control = new Control(new Settings(wanted, fewest, 2, 0, fromAgain, FINGERPRINT, of));
        state = control.start();
    }

    private List<Action> on(Event event) {
        Next next = control.next(state, event);
        assertEquals(event, Lines.event(Lines.of(event)));
        next.actions().forEach(action -> assertEquals(action, Lines.action(Lines.of(action))));
        state = next.state();
        last = next.actions();
        return last;
    }

    private static Member member(long id) {
        return new Member(id, "host", (int) (7000 + id), 100 + id);
    }

    private List<Action> join(long id) {
        return on(new Event.Joined(member(id), FINGERPRINT));
    }

    private <T extends Action> List<T> all(Class<T> kind) {
        return last.stream().filter(kind::isInstance).map(kind::cast).toList();
    }

    private <T extends Action> T one(Class<T> kind) {
        assertEquals(1, all(kind).size(), kind.getSimpleName() + " in " + last);
        return all(kind).getFirst();
    }

    private void settle() {
        long generation = state.run().generation();
        state.run().ids().forEach(id -> on(new Event.Ready(id, generation)));
    }

    private void compute(long id) {
        Work work = state.run().work();
        var done = new ArrayList<Leaf>();
        work.todo().getOrDefault(id, List.of()).forEach(leaf -> done.add(new Leaf(leaf, false, 7, leaf)));
        work.toCheck().getOrDefault(id, List.of()).forEach(leaf -> done.add(new Leaf(leaf, true, 7, leaf)));
        on(new Event.Computed(id, state.run().generation(), work.step(), done));
    }

    private void computeAll() {
        state.run().ids().forEach(this::compute);
    }

    private void reduceAll() {
        Run run = state.run();
        run.ids().forEach(id -> on(new Event.Reduced(id, run.generation(), run.committed() + 1, List.of(id, 10L))));
    }

    private void stageAll() {
        Run run = state.run();
        run.ids().forEach(id -> on(new Event.Staged(id, run.generation(), run.committed() + 1, new TreeMap<>(Map.of("weights", "w")))));
    }

    private void step() {
        computeAll();
        reduceAll();
        stageAll();
    }

    private void running() {
        join(1);
        join(2);
        join(3);
        settle();
    }

    @Test void theFirstLayoutComesWithTheLastRankThatIsWanted() {
        assertEquals(List.of(), join(1));
        assertEquals(List.of(), join(2));
        assertEquals(List.of(new Action.Layout(1, List.of(member(1), member(2), member(3)), List.of(), List.of(), 0, List.of(1L, 2L, 3L), false)), join(3));
    }

    @Test void atTheDeadlineFewerBeginIfTheyAreEnough() {
        join(1);
        join(2);
        on(new Event.StartDeadline());
        assertEquals(List.of(1L, 2L), one(Action.Layout.class).to());
        begin(3, 2, true, plan);
        join(1);
        on(new Event.StartDeadline());
        assertTrue(one(Action.Failed.class).why().startsWith("only 1 ranks have joined in time, wanted at least 2"), last.toString());
    }

    @Test void aRankWithAnotherFingerprintIsToldEveryFieldThatDiffers() {
        on(new Event.Joined(member(1), new TreeMap<>(Map.of("corpus", "ff00", "config", "x"))));
        assertEquals(new Action.Refuse(1, List.of(new Action.Difference("config", "missing", "x"), new Action.Difference("corpus", "ab12", "ff00"),
                new Action.Difference("program", "1.0", "missing"))), one(Action.Refuse.class));
    }

    @Test void aStepGoesFromLeavesToSumsToNewWeightsToCommit() {
        running();
        assertEquals(List.of(List.of(0, 1), List.of(2, 3), List.of(4, 5)), all(Action.Compute.class).stream().map(Action.Compute::leaves).toList());
        computeAll();
        assertEquals(new TreeMap<>(Map.of(1L, List.of(0, 1), 2L, List.of(2, 3), 3L, List.of(4, 5))), one(Action.Reduce.class).holders());
        reduceAll();
        assertEquals(List.of(6L, 30L), one(Action.Update.class).totals());
        stageAll();
        assertEquals(new Action.Committed(1, List.of(6L, 30L), new TreeMap<>(Map.of("weights", "w"))), one(Action.Committed.class));
        assertEquals(List.of(1L, 2L, 3L), one(Action.Commit.class).to());
        assertEquals(3, all(Action.Compute.class).size());
    }

    @Test void aStragglerGetsFewerLeavesOfTheNextStep() {
        running();
        on(new Event.Speeds(new TreeMap<>(Map.of(2L, 20))));
        step();
        assertEquals(List.of(List.of(0, 1, 2), List.of(3, 4, 5)), all(Action.Compute.class).stream().map(Action.Compute::leaves).toList());
        assertEquals(List.of(1L, 3L), all(Action.Compute.class).stream().map(Action.Compute::id).toList());
    }

    @Test void afterALossOnlyTheLeavesOfTheLostAreComputedAgain() {
        running();
        compute(2);
        compute(3);
        on(new Event.Lost(3, "silent"));
        assertEquals(new Action.Fence(3, "silent"), last.getFirst());
        assertEquals(new Action.Layout(2, List.of(member(1), member(2)), List.of(1L, 2L, 3L), List.of(1L, 2L), 0, List.of(), false), last.get(1));
        settle();
        assertEquals(List.of(new Action.Compute(1, 2, 1, List.of(0, 1), List.of()), new Action.Compute(2, 2, 1, List.of(4, 5), List.of())), all(Action.Compute.class));
    }

    @Test void whereSumsAreMingledALossBeginsTheStepAnew() {
        for (int phase = 0; phase < 3; phase++) {                        // computing, reducing, staging
            control = new Control(new Settings(3, 2, 2, 0, true, FINGERPRINT, plan, true));
            state = control.start();
            running();
            compute(2);
            compute(3);
            if (phase > 0) {
                compute(1);
            }
            if (phase > 1) {
                reduceAll();
            }
            on(new Event.Lost(3, "silent"));
            assertEquals(new Action.Layout(2, List.of(member(1), member(2)), List.of(1L, 2L, 3L), List.of(1L, 2L), 0, List.of(), true), last.get(1));
            assertEquals(List.of(), on(new Event.Computed(2, 1, 1, List.of(new Leaf(2, false, 7, 2)))), "of sums that are void");
            settle();
            assertEquals(List.of(new Action.Compute(1, 2, 1, List.of(0, 1, 2), List.of()), new Action.Compute(2, 2, 1, List.of(3, 4, 5), List.of())), all(Action.Compute.class));
            computeAll();
            assertEquals(new TreeMap<>(Map.of(1L, List.of(0, 1, 2), 2L, List.of(3, 4, 5))), one(Action.Reduce.class).holders());
        }
    }

    @Test void whereSumsAreMingledWhoComesWhileTooFewAreLeftFindsTheStepBegunAnew() {
        control = new Control(new Settings(2, 2, 2, 0, true, FINGERPRINT, plan, true));
        state = control.start();
        join(1);
        join(2);
        settle();
        compute(1);
        on(new Event.Lost(2, "ended"));
        join(3);
        assertEquals(new Action.Layout(3, List.of(member(1), member(3)), List.of(1L, 2L), List.of(1L), 0, List.of(3L), true), one(Action.Layout.class));
        settle();
        assertEquals(List.of(List.of(0, 1, 2), List.of(3, 4, 5)), all(Action.Compute.class).stream().map(Action.Compute::leaves).toList());
        step();
        join(4);
        step();
        assertEquals(false, one(Action.Layout.class).anew(), "between two steps");
    }

    @Test void aLossWhileReducingOrStagingMakesBothVoidButNoLeafOfSurvivors() {
        for (boolean staging : new boolean[] {false, true}) {
            begin(3, 2, true, plan);
            running();
            computeAll();
            if (staging) {
                reduceAll();
            }
            on(new Event.Lost(1, "ended"));
            settle();
            assertEquals(2, all(Action.Compute.class).size());
            assertEquals(List.of(), on(new Event.Reduced(2, 1, 1, List.of(2L, 10L))), "of the old generation");
            computeAll();
            assertEquals(new TreeMap<>(Map.of(2L, List.of(0, 2, 3), 3L, List.of(1, 4, 5))), one(Action.Reduce.class).holders());
        }
    }

    @Test void aLossWhileSettlingStartsOnceMoreFromTheSamePlacement() {
        begin(4, 1, true, plan);
        running();
        join(4);
        settle();
        on(new Event.Lost(2, "ended"));
        on(new Event.Ready(1, 2));
        on(new Event.Lost(4, "ended"));
        assertEquals(new Action.Layout(3, List.of(member(1), member(3)), List.of(1L, 2L, 3L, 4L), List.of(1L, 3L), 0, List.of(), false), one(Action.Layout.class));
        assertEquals(List.of(), on(new Event.Ready(1, 2)), "ready for a generation that is over");
        assertInstanceOf(State.Settling.class, state);
    }

    @Test void neighboursLostAtOnceLeadBackToTheNewestCheckpoint() {
        running();
        step();
        step();
        Action.Save save = one(Action.Save.class);
        assertEquals(new Action.Save(1, 1, 2), save);
        on(new Event.Saved(1, 1, 2));
        assertEquals(List.of(new Action.Durable(2)), last);
        step();
        on(new Event.Lost(2, "ended"));
        join(4);
        on(new Event.Lost(3, "ended"));
        assertEquals(2, one(Action.Rewound.class).step());
        assertEquals(new Action.Layout(3, List.of(member(1), member(4)), List.of(), List.of(), 2, List.of(1L, 4L), false), one(Action.Layout.class));
        settle();
        assertEquals(3, all(Action.Compute.class).getFirst().step());
        assertEquals(List.of(), on(new Event.Computed(1, 1, 4, List.of(new Leaf(0, false, 7, 0)))), "of a step that was undone");
    }

    @Test void aCheckpointThatCannotBeReadIsGoneBackBehind() {
        begin(3, 1, true, plan);
        running();
        step();
        step();
        on(new Event.Saved(1, 1, 2));
        step();
        step();
        on(new Event.Saved(1, 1, 4));
        on(new Event.Lost(1, "silent"));
        on(new Event.Lost(2, "silent"));
        assertEquals(4, one(Action.Rewound.class).step());
        assertEquals(List.of(), on(new Event.Damaged(3, 1)), "nobody begins from step 3");
        on(new Event.Damaged(4, 2));
        assertEquals(2, one(Action.Rewound.class).step());
        assertEquals(2, one(Action.Layout.class).committed());
        on(new Event.Damaged(2, -1));
        assertEquals(0, one(Action.Rewound.class).step());
        settle();
        assertEquals(1, all(Action.Compute.class).getFirst().step());
    }

    @Test void whatIsFoundDamagedWhileNobodyNeedsItIsOnlyRemembered() {
        running();
        step();
        step();
        on(new Event.Saved(1, 1, 2));
        assertEquals(List.of(), on(new Event.Damaged(2, -1)));
        on(new Event.Lost(1, "silent"));
        on(new Event.Lost(2, "silent"));
        assertEquals(0, one(Action.Rewound.class).step());
    }

    @Test void withoutCheckpointAndSeedLostStateEndsTheRun() {
        begin(3, 1, false, plan);
        running();
        on(new Event.Lost(1, "ended"));
        on(new Event.Lost(3, "ended"));
        assertTrue(one(Action.Failed.class).why().endsWith("there is no checkpoint to go back to"), last.toString());
        assertEquals(List.of(), join(9));
    }

    @Test void withTooFewTheRunWaitsAndGoesOnWithTheStepUnderWay() {
        begin(2, 2, true, plan);
        join(1);
        join(2);
        settle();
        compute(1);
        on(new Event.Lost(2, "ended"));
        assertEquals(new Action.Wait(2, 1, 2), one(Action.Wait.class));
        assertEquals(List.of(), on(new Event.WaitDeadline(1)), "of another wait");
        join(3);
        assertEquals(new Action.Layout(3, List.of(member(1), member(3)), List.of(1L, 2L), List.of(1L), 0, List.of(3L), false), one(Action.Layout.class));
        settle();
        assertEquals(List.of(new Action.Compute(1, 3, 1, List.of(3, 4), List.of()), new Action.Compute(3, 3, 1, List.of(5), List.of())), all(Action.Compute.class));
        on(new Event.Lost(3, "ended"));
        on(new Event.WaitDeadline(4));
        assertTrue(one(Action.Failed.class).why().startsWith("only 1 ranks are left of the 2 that are wanted"), last.toString());
    }

    @Test void newcomersComeInAtTheNextBoundary() {
        running();
        assertEquals(List.of(), join(4));
        step();
        assertEquals(new Action.Layout(2, List.of(member(1), member(2), member(3), member(4)), List.of(1L, 2L, 3L), List.of(1L, 2L, 3L), 1, List.of(4L), false), one(Action.Layout.class));
    }

    @Test void whoeverIsFencedIsToldSoAndCommandedNoMore() {
        running();
        on(new Event.Lost(2, "silent"));
        assertEquals(List.of(new Action.Fenced(2)), on(new Event.Computed(2, 1, 1, List.of(new Leaf(2, false, 7, 2)))));
        assertEquals(List.of(new Action.Fenced(2)), join(2));
        assertEquals(List.of(), on(new Event.Lost(2, "ended")));
        assertEquals(List.of(), on(new Event.Ready(77, 2)), "a stranger");
        assertEquals(4, state.run().ignored());
    }

    @Test void aRankThatBreaksTheProtocolIsFencedWithTheReason() {
        running();
        on(new Event.Computed(1, 1, 1, List.of(new Leaf(5, false, 7, 5))));
        assertEquals("broke the protocol: computed leaf 5 of step 1, which it was not asked for", one(Action.Fence.class).why());
        begin(3, 2, true, plan);
        running();
        on(new Event.Staged(1, 1, 1, new TreeMap<>()));
        assertEquals("broke the protocol: staged step 1 in generation 1, which nobody was asked for", one(Action.Fence.class).why());
        begin(3, 2, true, plan);
        running();
        on(new Event.Joined(new Member(1, "elsewhere", 1, 1), FINGERPRINT));
        assertTrue(one(Action.Fence.class).why().startsWith("id 1 joined twice"), last.toString());
    }

    @Test void aSaverThatIsLostIsFollowedByTheNextFirstMember() {
        running();
        step();
        step();
        on(new Event.Lost(1, "ended"));
        settle();
        assertEquals(new Action.Save(2, 2, 2), one(Action.Save.class));
        assertEquals(List.of(new Action.NotSaved(2, "no space")), on(new Event.SaveFailed(2, 2, 2, "no space")));
        assertEquals(List.of(), on(new Event.Saved(2, 2, 2)), "after it has failed");
    }

    @Test void aStepThatIsDoubtedBeginsOnceMoreWithItsLeavesAtOthers() {
        running();
        computeAll();
        reduceAll();
        on(new Event.Doubted(1, "no number"));
        assertEquals(new Action.Repeated(2, 1, "no number"), last.getFirst());
        assertTrue(one(Action.Layout.class).anew());
        assertEquals(List.of(), on(new Event.Staged(1, 1, 1, new TreeMap<>(Map.of("weights", "w")))), "of the first time");
        settle();
        assertEquals(List.of(List.of(4, 5), List.of(0, 1), List.of(2, 3)), all(Action.Compute.class).stream().map(Action.Compute::leaves).toList());
        assertEquals(List.of(), on(new Event.Computed(1, 1, 1, List.of(new Leaf(0, false, 1, 1)))), "of the first time");
        computeAll();
        reduceAll();
        stageAll();
        assertEquals(1, one(Action.Committed.class).step());
        assertEquals(List.of(), on(new Event.Doubted(1, "late")));
    }

    @Test void twoThatDifferComputeTheStepOnceMoreBeforeTheRunIsGivenUp() {
        begin(2, 1, true, new FivePlan(List.of(0)));
        join(1);
        join(2);
        settle();
        on(new Event.Computed(1, 1, 1, List.of(new Leaf(0, false, 7, 7), new Leaf(1, false, 1, 1), new Leaf(2, false, 1, 1))));
        on(new Event.Computed(2, 1, 1, List.of(new Leaf(0, true, 8, 8))));
        assertEquals(1, one(Action.Repeated.class).step());
        settle();
        long owner = all(Action.Compute.class).stream().filter(order -> order.leaves().contains(0)).findFirst().orElseThrow().id();
        on(new Event.Computed(owner, 2, 1, List.of(new Leaf(0, false, 7, 7))));
        on(new Event.Computed(3 - owner, 2, 1, List.of(new Leaf(0, true, 8, 8))));
        assertTrue(one(Action.Failed.class).why().contains("and had so before, so nobody can say who errs"), last.toString());
    }

    @Test void stopEndsAfterTheStepUnderWayWithACheckpoint() {
        running();
        assertEquals(List.of(), on(new Event.Stop("signal")));
        step();
        assertEquals(new Action.Save(1, 1, 1), one(Action.Save.class));
        on(new Event.SaveFailed(1, 1, 1, "no space"));
        assertEquals(new Action.Save(2, 1, 1), one(Action.Save.class));
        on(new Event.Saved(2, 1, 1));
        assertEquals(List.of(new Action.Durable(1), new Action.Finish(1, List.of(1L, 2L, 3L)), new Action.Ended(1, 1, "stopped: signal")), last);
    }

    @Test void theLastCheckpointThatFailsBecauseAMemberIsLostIsAskedForAgain() {
        running();
        on(new Event.Stop("signal"));
        step();
        assertEquals(new Action.Save(1, 1, 1), one(Action.Save.class));
        on(new Event.Lost(2, "ended"));
        settle();
        on(new Event.SaveFailed(1, 1, 1, "ranks have changed"));
        assertEquals(new Action.Save(1, 2, 1), one(Action.Save.class));
        on(new Event.Saved(1, 2, 1));
        assertEquals(new Action.Ended(1, 1, "stopped: signal"), one(Action.Ended.class));
    }

    @Test void theLastStepIsSavedAndEndsTheRun() {
        running();
        IntStream.range(0, 5).forEach(_ -> step());
        assertEquals(new Action.Save(1, 1, 5), one(Action.Save.class));
        on(new Event.Saved(1, 1, 5));
        assertEquals(new Action.Ended(5, 5, "all steps are done"), one(Action.Ended.class));
    }

    @Test void aThirdRankDecidesWhereTwoDisagreeAboutALeaf() {
        begin(3, 2, true, new FivePlan(List.of(0)));
        running();
        assertEquals(List.of(0), all(Action.Compute.class).stream().filter(order -> order.id() == 2).toList().getFirst().checks());
        on(new Event.Computed(1, 1, 1, List.of(new Leaf(0, false, 1, 1), new Leaf(1, false, 7, 1))));
        compute(2);
        assertEquals(List.of(0), one(Action.Compute.class).checks());
        assertEquals(3, one(Action.Compute.class).id());
        compute(3);
        assertEquals(1, one(Action.Fence.class).id());
        assertTrue(one(Action.Fence.class).why().startsWith("quarantined: leaf 0 of step 1"), last.toString());
    }

    @Test void aThirdResultThatComesWhileMembersSettleStillFindsWhoErrs() {
        begin(4, 2, true, new FivePlan(List.of(0)));
        List.of(1L, 2L, 3L, 4L).forEach(this::join);
        settle();
        on(new Event.Computed(1, 1, 1, List.of(new Leaf(0, false, 1, 1), new Leaf(1, false, 7, 1))));
        compute(3);
        long third = one(Action.Compute.class).id();
        on(new Event.Lost(third == 2 ? 4 : 2, "gone"));
        on(new Event.Computed(third, 1, 1, List.of(new Leaf(0, true, 7, 0))));
        settle();
        assertEquals(1, one(Action.Fence.class).id());
        assertTrue(one(Action.Fence.class).why().startsWith("quarantined: leaf 0 of step 1"), last.toString());
    }

    @Test void whoBecomesTheOwnerOfALeafWhileCheckingItIsNotBlamed() {
        begin(3, 2, true, new FivePlan(List.of(0)));
        running();
        on(new Event.Lost(1, "gone"));
        settle();
        assertEquals(List.of(0, 2, 3), all(Action.Compute.class).getFirst().leaves());
        assertEquals(List.of(), on(new Event.Computed(2, 2, 1, List.of(new Leaf(0, true, 7, 0)))));                       // asked for in generation 1, finished before the new order came
        compute(2);
        compute(3);
        assertEquals(List.of(2L, 3L), one(Action.Reduce.class).to());
    }

    @Test void whoStillComputesAStepThatWasGivenUpIsNotBlamed() {
        begin(3, 3, true, plan);
        running();
        on(new Event.Lost(3, "gone"));
        on(new Event.Stop("enough"));
        long generation = one(Action.Layout.class).generation();
        on(new Event.Ready(1, generation));
        assertEquals(List.of(), on(new Event.Computed(1, generation, 1, List.of(new Leaf(0, false, 7, 0)))));
        on(new Event.Ready(2, generation));
        assertEquals(List.of(1L, 2L), one(Action.Finish.class).to());
    }

    @Test void weightsThatDifferFromThoseOfMostAreNeverCommitted() {
        running();
        computeAll();
        reduceAll();
        List.of(1L, 2L, 3L).forEach(id -> on(new Event.Staged(id, 1, 1, new TreeMap<>(Map.of("weights", id == 2 ? "bad" : "good")))));
        assertEquals("quarantined: weights of step 1 is bad there, good at most", one(Action.Fence.class).why());
        assertEquals(0, state.run().committed());
    }
}
