package dev.xiaolu.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;
import org.junit.jupiter.api.Test;

class ScratchTest {
    private static final long MEBI = 1 << 20;

    private static Tensor bytes(Scratch scratch, long bytes) {
        return scratch.allocate(new TensorType(DType.F32, Shape.of(bytes / 4)));
    }

    @Test void aTensorThatGrowsFromStepToStepLeavesNoSlabsBehind() {
        try (var scratch = new Scratch()) {
            Scratch.Mark start = scratch.mark();
            for (long step = 0; step < 30; step++) {
                bytes(scratch, 1000);
                bytes(scratch, (65 + step) * MEBI);
                bytes(scratch, 1000);
                scratch.reset(start);
            }
            assertTrue(scratch.bytes() <= (64 + 94 * 3 / 2 + 64) * MEBI, "%d bytes".formatted(scratch.bytes()));
        }
    }

    @Test void whatIsInUseStaysWhereItIsWhenMoreIsNeeded() {
        try (var scratch = new Scratch()) {
            Tensor kept = bytes(scratch, 40 * MEBI);
            kept.setFloat(3, 5);
            Scratch.Mark behind = scratch.mark();
            for (long step = 0; step < 5; step++) {
                Tensor large = bytes(scratch, (70 + 30 * step) * MEBI);
                Tensor small = bytes(scratch, 1000);
                large.setFloat(1, 0);
                small.setFloat(2, 0);
                assertEquals(3, kept.getFloat(5));
                assertEquals(1, large.getFloat(0));
                scratch.reset(behind);
            }
        }
    }

    @Test void aBlockGivenBackGoesToTheNextTensorOfItsSizeAndToNoOther() {
        try (var scratch = new Scratch()) {
            Tensor before = bytes(scratch, 1000);
            try (Recycling recycling = scratch.recycle()) {
                Tensor first = bytes(scratch, 1000);
                Tensor second = bytes(scratch, 1000);
                assertEquals(-1, recycling.blockOf(before));
                assertEquals(recycling.blockOf(first), recycling.blockOf(first.reshape(Shape.of(2, 125)).at(1)), "a view lies in its tensor's block");
                recycling.giveBack(recycling.blockOf(first));
                recycling.giveBack(recycling.blockOf(second));
                assertThrows(IllegalArgumentException.class, () -> recycling.giveBack(recycling.blockOf(second)));
                assertTrue(bytes(scratch, 2000).data().address() > second.data().address());
                assertEquals(second.data().address(), bytes(scratch, 1000).data().address());
                int count = recycling.count();
                assertEquals(first.data().address(), bytes(scratch, 996).data().address(), "both are 1024 bytes");
                assertEquals(List.of(first.data().address()), recycling.since(count));
                assertThrows(IllegalArgumentException.class, () -> scratch.reset(new Scratch.Mark(0, 0)));
                assertThrows(IllegalArgumentException.class, scratch::recycle);
            }
            assertTrue(scratch.recycling().isEmpty());
            scratch.reset(new Scratch.Mark(0, 0));
            assertEquals(before.data().address(), bytes(scratch, 8).data().address());
        }
    }
}
