package dev.xiaolu.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

/// Memory that a tensor does not take.
class TensorTest {
    private static final TensorType SIX = TensorType.f32(Shape.of(2, 3));

    @Test void memoryOnTheHeapIsRefused() {
        var thrown = assertThrows(IllegalArgumentException.class, () -> Tensor.of(SIX, MemorySegment.ofArray(new float[6])));
        assertEquals("tensor " + SIX + " lies on the heap, wanted memory outside of it, as an arena allocates", thrown.getMessage());
        Tensor whole = Tensor.of(Arena.ofAuto(), Shape.of(2, 3), 1, 2, 3, 4, 5, 6f);
        assertThrows(IllegalArgumentException.class, () -> whole.over(MemorySegment.ofArray(new byte[24])));
    }

    @Test void memoryThatIsTooShortIsRefused() {
        var thrown = assertThrows(IllegalArgumentException.class, () -> Tensor.of(SIX, Arena.ofAuto().allocate(23)));
        assertEquals("tensor " + SIX + " needs 24 bytes, the segment has 23", thrown.getMessage());
        Tensor whole = Tensor.of(Arena.ofAuto(), Shape.of(2, 3), 1, 2, 3, 4, 5, 6f);
        assertThrows(IllegalArgumentException.class, () -> whole.over(Arena.ofAuto().allocate(20)));
        assertEquals(6, whole.over(Arena.ofAuto().allocate(24).fill((byte) 0)).shape().size());
    }
}
