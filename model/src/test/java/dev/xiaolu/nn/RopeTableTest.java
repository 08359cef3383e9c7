package dev.xiaolu.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.InputException;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RopeTableTest {
    private static final int POSITIONS = 5000;
    private static final int DIM = 6;
    private static final Optional<RopeTable.YarnScaling> YARN = Optional.of(new RopeTable.YarnScaling(16, 32, 1, 256));

    private static RopeTable table() {
        return RopeTable.stretched(POSITIONS, DIM, 160_000, YARN);
    }

    private static void assertBegins(Tensor whole, Tensor part) {
        long bytes = part.type().bytes();
        assertEquals(-1, whole.data().asSlice(0, bytes).mismatch(part.data().asSlice(0, bytes)));
    }

    @Test void aTableThatGrewHasTheBitsOfOneMadeWhole() {
        Tensor whole = table().upTo(POSITIONS);
        assertEquals(POSITIONS, whole.shape().axis(0));
        RopeTable growing = table();
        int most = 0;
        for (int needed : new int[] {1, 1024, 1025, 1, 3000, 4097, POSITIONS}) {
            Tensor part = growing.upTo(needed);
            most = Math.max(most, needed);
            assertTrue(part.shape().axis(0) >= needed && part.shape().axis(0) <= Math.max(1024, 2 * most), needed + " rows needed, " + part.shape());
            assertBegins(whole, part);
        }
    }

    @Test void withoutStretchingItIsTheTableOfOtherFamilies() {
        try (Arena arena = Arena.ofConfined()) {
            assertBegins(RopeTable.stretched(100, DIM, 10_000, Optional.empty()).upTo(100), RopeTable.of(arena, 100, DIM, 10_000, Optional.empty()));
        }
    }

    @Test void whoHoldsAShorterTableKeepsIt() {
        RopeTable growing = table();
        Tensor shorter = growing.upTo(5);
        float[] before = shorter.toFloats();
        Tensor longer = growing.upTo(4000);
        assertSame(longer, growing.upTo(5));
        assertEquals(1024, shorter.shape().axis(0));
        assertArrayEquals(before, shorter.toFloats());
    }

    @Test void threadsThatGrowItAtOnceFindTheSameBits() {
        Tensor whole = table().upTo(POSITIONS);
        RopeTable growing = table();
        IntStream.range(0, 64).parallel().mapToObj(i -> growing.upTo(1 + (i * 997) % POSITIONS)).forEach(part -> assertBegins(whole, part));
    }

    @Test void positionsBeyondTheContextAreRefused() {
        String message = assertThrows(InputException.class, () -> table().upTo(POSITIONS + 1)).getMessage();
        assertEquals("position 5000, wanted at most 4999, the longest context less one", message);
    }
}
