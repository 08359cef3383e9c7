package dev.xiaolu.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.History;
import dev.xiaolu.recover.Member;
import dev.xiaolu.recover.Run;
import dev.xiaolu.recover.State;
import dev.xiaolu.store.DigestChain;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class LedgerTest {
    private static final Member FIRST = new Member(1, "h", 1, 101), SECOND = new Member(2, "h", 2, 102);
    private static final Ledger.Rules RULES = new Ledger.Rules() {
        @Override public boolean looks(long step) {
            return step % 4 == 0;
        }

        @Override public String fault(String about, long step, List<Long> totals, String where, long durable) {
            return totals.getFirst() < 0 ? "step %d is odd%s".formatted(step, where.isEmpty() ? "" : ", " + where) : null;
        }

        @Override public String spike(String about, long step, List<Long> totals, List<Ledger.Row> before) {
            return totals.getFirst() > 100 + before.size() ? "step %d leaps".formatted(step) : null;
        }
    };

    private Ledger ledger = Ledger.of(0, DigestChain.START, new TreeMap<>());

    private static State state(boolean over, Member... members) {
        Run run = new Run(1, List.of(members), List.of(), List.of(), Set.of(), 0, Run.NONE, null, new TreeMap<>(), List.of(), null, 0);
        return over ? new State.Ended(run, "done") : new State.Settling(run, Set.of());
    }

    private void on(Event event, State state, Action... actions) {
        ledger = ledger.after(new History.Turn(event, List.of(actions)), state, 0.5, RULES);
    }

    private void does(Action... actions) {
        on(new Event.StartDeadline(), state(false, FIRST, SECOND), actions);
    }

    private static String digest(long step) {
        return "%064x".formatted(step * 7);
    }

    private void commit(long step) {
        does(new Action.Committed(step, List.of(), new TreeMap<>(Map.of(Told.WEIGHTS, digest(step), Told.RESULT, "{\"step\":%d}".formatted(step)))), new Action.Commit(1, step, List.of(1L, 2L)));
    }

    private static DigestChain chain(long to) {
        DigestChain chain = DigestChain.START;
        for (long step = 1; step <= to; step++) {
            chain = chain.next(step, digest(step));
        }
        return chain;
    }

    @Test void chainGoesOnWithEachStepAndBackWithTheRun() {
        for (long step = 1; step <= 3; step++) {
            commit(step);
        }
        does(new Action.Save(1, 1, 3));
        commit(4);
        commit(5);
        assertEquals(chain(5), ledger.chain());
        does(new Action.Rewound(2, 3, "lost"));
        assertEquals(chain(3), ledger.chain());
        assertEquals(List.of(1L, 2L, 3L), ledger.rows().stream().map(Ledger.Row::step).toList());
        does(new Action.Rewound(3, 0, "lost"));
        assertEquals(DigestChain.START, ledger.chain());
    }

    @Test void launchThatGoesBackBehindItsBeginningKnowsTheChainOfAnOlderCheckpoint() {
        ledger = Ledger.of(5, chain(5), new TreeMap<>(Map.of(2L, chain(2).hex())));
        does(new Action.Rewound(2, 2, "the checkpoint of step 5 cannot be read"));
        assertEquals(chain(2), ledger.chain());
    }

    @Test void whatWasSeenBelongsToTheStepThatWasLookedAt() {
        for (long step = 1; step <= 5; step++) {
            commit(step);
        }
        assertEquals(new Ledger.Look(4, 1), ledger.look());
        String seen = "{\"step\":4,\"evaluation\":{\"loss\":1.5,\"tokens\":3,\"bytes\":9}}";
        on(new Event.Noted(2, Noted.SEEN, seen), state(false, FIRST, SECOND));
        assertEquals(new Ledger.Look(4, 1), ledger.look(), "another one was asked");
        on(new Event.Noted(1, Noted.SEEN, seen), state(false, FIRST, SECOND));
        assertNull(ledger.look());
        assertEquals("{\"loss\":1.5,\"tokens\":3,\"bytes\":9}", ledger.rows().get(3).evaluation());
        on(new Event.Noted(1, Noted.SEEN, seen.replace("1.5", "9.5")), state(false, FIRST, SECOND));
        assertEquals("{\"loss\":1.5,\"tokens\":3,\"bytes\":9}", ledger.rows().get(3).evaluation(), "said twice");
    }

    @Test void whereTheOneWhoLooksIsLostAnotherDoesAndAfterTheEndNobody() {
        commit(4);
        assertFalse(ledger.isDone(state(false, FIRST, SECOND)));
        assertFalse(ledger.isDone(state(true, FIRST, SECOND)), "somebody looks still");
        does(new Action.Settled(2, List.of(2L)));
        assertEquals(new Ledger.Look(4, 2), ledger.look());
        on(new Event.Lost(2, "killed"), state(true, FIRST));
        assertNull(ledger.look());
        assertTrue(ledger.isDone(state(true, FIRST)));
    }

    @Test void sumsThatAreNoNumbersAreDoubtedOnceAndComparedTheSecondTime() {
        does(new Action.Update(1, 1, List.of(-5L), List.of(1L)));
        assertFalse(ledger.doubt().again());
        does(new Action.Update(2, 1, List.of(-5L), List.of(1L)));
        assertTrue(ledger.doubt().again() && ledger.doubt().same());
        does(new Action.Update(3, 1, List.of(-6L), List.of(1L)));
        assertTrue(ledger.doubt().again() && !ledger.doubt().same());
        does(new Action.Update(4, 1, List.of(6L), List.of(1L)));
        assertNull(ledger.doubt());
    }

    @Test void whereAGradientHasNoExactSumIsToldByTheFirstWhoSawIt() {
        on(new Event.Noted(2, Noted.OUTSIDE, "{\"step\":1,\"where\":\"in head.weight\"}"), state(false, FIRST, SECOND));
        on(new Event.Noted(1, Noted.OUTSIDE, "{\"step\":1,\"where\":\"in embed.weight\"}"), state(false, FIRST, SECOND));
        ledger = Ledger.of(ledger.json());
        does(new Action.Update(1, 1, List.of(-5L), List.of(1L)));
        assertEquals("step 1 is odd, in head.weight", ledger.doubt().found());
        does(new Action.Update(2, 2, List.of(-5L), List.of(1L)));
        assertEquals("step 2 is odd", ledger.doubt().found(), "of another step nothing is known");
    }

    @Test void aLossThatLeapsIsDoubtedOnceAndLivedWithWhereItIsTheSameAgain() {
        commit(1);
        does(new Action.Update(1, 2, List.of(101L), List.of(1L)));
        assertNull(ledger.doubt());
        does(new Action.Update(1, 2, List.of(102L), List.of(1L)));
        assertEquals(new Ledger.Doubt(2, 1, List.of(102L), "step 2 leaps", false, false, true), ledger.doubt());
        assertEquals(ledger.doubt(), Ledger.of(ledger.json()).doubt(), "a new leader knows it");
        does(new Action.Update(2, 2, List.of(102L), List.of(1L)));
        assertEquals(new Ledger.Doubt(2, 2, List.of(102L), "step 2 leaps", true, true, true), ledger.doubt());
        commit(2);
        does(new Action.Update(2, 3, List.of(500L), List.of(1L)));
        assertFalse(ledger.doubt().again(), "another step");
        does(new Action.Update(3, 3, List.of(5L), List.of(1L)));
        assertNull(ledger.doubt(), "it was the hardware");
    }

    @Test void newestStepsAloneAreKept() {
        for (long step = 1; step <= 200; step++) {
            commit(step);
        }
        assertEquals(LongStream.rangeClosed(137, 200).boxed().toList(), ledger.rows().stream().map(Ledger.Row::step).toList());
    }

    @Test void workersHaveTheNumberThatTheyTellOrTheFirstThatIsFree() {
        on(new Event.Noted(1, Noted.ABOUT, "{\"worker\":2}"), state(false));
        on(new Event.Joined(FIRST, new TreeMap<>()), state(false));
        on(new Event.Joined(SECOND, new TreeMap<>()), state(false));
        assertEquals(Map.of(1L, 2, 2L, 0), ledger.numbers());
        does(new Action.Fence(2, "silent"));
        on(new Event.Joined(new Member(3, "h", 3, 103), new TreeMap<>()), state(false));
        assertEquals(Map.of(1L, 2, 3L, 0), ledger.numbers());
    }

    @Test void isReadAsItWasWrittenAndAnythingElseIsRefused() {
        on(new Event.Noted(1, Noted.ABOUT, "{\"worker\":2,\"terms\":[\"x\"]}"), state(false));
        on(new Event.Noted(1, Noted.UNREADABLE, "3"), state(false));
        commit(1);
        does(new Action.Save(1, 1, 1), new Action.Update(1, 2, List.of(-5L), List.of(1L)));
        commit(4);
        assertEquals(ledger, Ledger.of(ledger.json()));
        assertFalse(ledger.json().contains("\n"));
        on(new Event.Damaged(3, 1), state(false));
        assertTrue(Ledger.of(ledger.json()).unreadable().isEmpty());
        assertThrows(IllegalArgumentException.class, () -> Ledger.of(ledger.json().substring(9)));
    }
}
