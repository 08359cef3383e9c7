package dev.xiaolu.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
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
}
