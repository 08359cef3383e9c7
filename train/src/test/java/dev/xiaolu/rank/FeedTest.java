package dev.xiaolu.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.History;
import dev.xiaolu.recover.Run;
import dev.xiaolu.recover.State;
import dev.xiaolu.store.DigestChain;
import dev.xiaolu.train.RunListener;
import dev.xiaolu.train.StepResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class FeedTest implements RunListener {
    private static final State STATE = new State.Settling(new Run(1, List.of(), List.of(), List.of(), Set.of(), 0, Run.NONE, null, new TreeMap<>(), List.of(), null, 0), Set.of());
    private static final Ledger.Rules RULES = new Ledger.Rules() {
        @Override public boolean looks(long step) {
            return step == 3;
        }

        @Override public String fault(String about, long step, List<Long> totals, String where, long durable) {
            return null;
        }

        @Override public String spike(String about, long step, List<Long> totals, List<Ledger.Row> before) {
            return null;
        }
    };

    private final List<String> told = new ArrayList<>();
    private final Feed feed = new Feed(this, 0, 0);
    private Ledger ledger = Ledger.of(0, DigestChain.START, new TreeMap<>());

    @Override public void stepped(Stepped stepped) {
        told.add(stepped.result().step() + stepped.evaluation().map(one -> " loss " + one.loss()).orElse(""));
    }

    @Override public void sampled(long step, String prompt, String text) {
        told.add(step + " wrote " + text);
    }

    private void on(Event event, Action... actions) {
        ledger = ledger.after(new History.Turn(event, List.of(actions)), STATE, 0.5, RULES);
        feed.bring(ledger, false);
    }

    private void commit(long from, long to) {
        for (long step = from; step <= to; step++) {
            on(new Event.StartDeadline(), new Action.Committed(step, List.of(), new TreeMap<>(Map.of(Told.WEIGHTS, "0".repeat(64), Told.RESULT, new StepResult(step, 1, Map.of(), 1, 1, 1, List.of(), true).json()))), new Action.Commit(1, step, List.of(7L)));
        }
    }

    private void see() {
        on(new Event.Noted(7, Noted.SEEN, "{\"step\":3,\"evaluation\":{\"loss\":2.5,\"tokens\":1,\"bytes\":1},\"samples\":[{\"prompt\":\"p\",\"text\":\"t\"}]}"));
    }

    @Test void stepThatIsLookedAtWaitsAndThoseAfterItToo() {
        commit(1, 5);
        assertEquals(List.of("1", "2"), told);
        see();
        assertEquals(List.of("1", "2", "3 loss 2.5", "4", "5", "3 wrote t"), told);
    }

    @Test void atTheEndNothingIsWaitedFor() {
        commit(1, 4);
        feed.bring(ledger, true);
        assertEquals(List.of("1", "2", "3", "4"), told);
    }

    @Test void stepsThatAreDoneAgainAreToldAgainOnceEach() {
        commit(1, 4);
        see();
        told.clear();
        on(new Event.StartDeadline(), new Action.Rewound(2, 0, "lost"));
        commit(1, 2);
        assertEquals(List.of("1", "2"), told);
        commit(3, 4);
        see();
        feed.bring(ledger, false);
        assertEquals(1, told.stream().filter("3 wrote t"::equals).count(), told.toString());
        assertEquals(List.of("1", "2", "3 loss 2.5", "4"), told.stream().filter(line -> !line.contains("wrote")).toList());
    }

    @Test void leaderThatComesLaterTellsWhatTheOneBeforeHasNotTold() {
        commit(1, 2);
        told.clear();
        var next = new Feed(this, 1, 0);
        next.bring(ledger, false);
        assertEquals(List.of("2"), told);
    }
}
