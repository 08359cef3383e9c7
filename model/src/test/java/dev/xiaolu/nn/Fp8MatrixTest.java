package dev.xiaolu.nn;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.xiaolu.op.Blocks;
import dev.xiaolu.op.Dequantise;
import dev.xiaolu.op.Quantise;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Inputs;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

class Fp8MatrixTest {
    @Test void widenedWeightsAreTheSameNumbersAndWhatWouldBeLostIsNamed() {
        try (Backend backend = Backends.open("auto", 2); Scratch scratch = new Scratch(); Arena arena = Arena.ofShared()) {
            Compute.call(backend, scratch, () -> {
                Tensor[] narrow = Compute.run(Quantise.fp4(), new Inputs(arena, 3).normal(2, 150, 200));
                assertArrayEquals(Compute.one(new Dequantise(Blocks.FP4), narrow).toFloats(), Fp8Matrix.ofFp4("w", narrow[0], narrow[1]).toF32().toFloats());
                narrow[1].data().set(JAVA_BYTE, 150 * 7 + 140 * 7 + 6, (byte) 90);           // a group of 8 columns in the second matrix, row 140, far below its neighbours
                narrow[0].data().asSlice(150 * 100 + 140 * 100 + 96, 4).fill((byte) 0x11);
                assertEquals("tensor w: block [3, 1] of 128x128 has 8 elements that FP8 cannot hold exactly, its scales differ by more than 2^14; wanted FP4 weights that widen without loss",
                        assertThrows(InputException.class, () -> Fp8Matrix.ofFp4("w", narrow[0], narrow[1])).getMessage());
                return null;
            });
        }
    }
}
