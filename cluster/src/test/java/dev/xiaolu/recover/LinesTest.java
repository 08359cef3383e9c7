package dev.xiaolu.recover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
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

    @Test void aLineThatIsNoneIsNamedWithThePlace() {
        var unknown = assertThrows(IllegalArgumentException.class, () -> Lines.event("Reddy id=1"));
        assertTrue(unknown.getMessage().contains("wanted one of [Computed, Joined, Lost, Ready"), unknown.getMessage());
        var torn = assertThrows(IllegalArgumentException.class, () -> Lines.event("Ready id=1 generation="));
        assertEquals("line of a history: wanted a number at column 23 of \"Ready id=1 generation=\"", torn.getMessage());
        assertThrows(IllegalArgumentException.class, () -> Lines.action("Fence id=1 why=\"cut"));
    }
}
