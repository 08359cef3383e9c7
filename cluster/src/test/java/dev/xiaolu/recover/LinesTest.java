package dev.xiaolu.recover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/// Events and actions as text.
class LinesTest {
    @Test void linesOfTextHoldAnyText() {
        var event = new Event.Joined(new Member(-3, "a \"b\" \\ c\n  d\r=(", 1, 2), new TreeMap<>(Map.of("x y", "}{", "", "")));
        assertEquals(event, Lines.event(Lines.of(event)));
        assertFalse(Lines.of(event).contains("\n"));
        assertEquals("Computed id=1 generation=2 step=3 leaves=[(index=4 check=true high=-5 low=6)]", Lines.of(new Event.Computed(1, 2, 3, List.of(new Leaf(4, true, -5, 6)))));
        assertEquals("Reduce generation=1 step=2 holders={1=[0 1] 2=[]}", Lines.of(new Action.Reduce(1, 2, new TreeMap<>(Map.of(1L, List.of(0, 1), 2L, List.of())))));
    }

    @Test void aStateOfALineHasNothingWhereThereIsNothing() {
        State state = new State.Ending(new Run(3, List.of(new Member(4, "none", 5, 6)), List.of(4L), List.of(), Set.of(2L, 1L, 3L), 7, Run.NONE, null, new TreeMap<>(), List.of(), null, 8), Set.of());
        String line = Lines.of(state);
        assertEquals("Ending run=(generation=3 members=[(id=4 host=\"none\" port=5 pid=6)] settled=[4] candidates=[] fenced=[1 2 3] committed=7 durable=-1 work=none speeds={} saves=[] "
                + "stopping=none ignored=8) tried=[]", line);
        assertEquals(state, Lines.state(line));
        State failed = new State.Failed(state.run().stopping("none"), "nothing");
        assertEquals(failed, Lines.state(Lines.of(failed)));
        assertThrows(IllegalArgumentException.class, () -> Lines.state(line.replace("committed=7", "committed=none")));
        for (int cut = 0; cut < line.length(); cut++) {
            String torn = line.substring(0, cut);
            assertThrows(IllegalArgumentException.class, () -> Lines.state(torn), torn);
        }
    }

    @Test void aLineThatIsNoneIsNamedWithThePlace() {
        var unknown = assertThrows(IllegalArgumentException.class, () -> Lines.event("Reddy id=1"));
        assertTrue(unknown.getMessage().contains("wanted one of [Computed, Damaged, Doubted, Hopeless, Joined, Lost, Noted, Ready"), unknown.getMessage());
        var torn = assertThrows(IllegalArgumentException.class, () -> Lines.event("Ready id=1 generation="));
        assertEquals("line of a history: wanted a number at column 23 of \"Ready id=1 generation=\"", torn.getMessage());
        assertThrows(IllegalArgumentException.class, () -> Lines.action("Fence id=1 why=\"cut"));
    }
}
