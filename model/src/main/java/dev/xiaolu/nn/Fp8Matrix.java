package dev.xiaolu.nn;

import static dev.xiaolu.platform.Check.checkInput;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.xiaolu.op.Blocks;
import dev.xiaolu.op.Dequantise;
import dev.xiaolu.op.WidenFp4;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;

/// Matrices in FP8 with a scale for each block of 128 × 128: `codes [..., m, n]` and `scales [..., ⌈m / 128⌉, ⌈n / 128⌉]`.
///
/// Runs on the current [Compute], in whose scratch the tensors live that are made here.
public record Fp8Matrix(Tensor codes, Tensor scales) {
    /// The same numbers as matrices in FP4 with a scale for each 32 columns; refuses, by `name` and block (its row counted over all matrices), what FP8 cannot hold exactly.
    public static Fp8Matrix ofFp4(String name, Tensor codes, Tensor scales) {
        Tensor[] wide = Compute.run(new WidenFp4(), codes, scales);
        Tensor lost = wide[2];
        long columns = lost.shape().last();
        for (long i = 0; i < lost.shape().size(); i++) {
            int count = lost.data().getAtIndex(JAVA_INT, i);
            checkInput(count == 0, "tensor %s: block [%d, %d] of 128x128 has %d elements that FP8 cannot hold exactly, its scales differ by more than 2^14; wanted FP4 weights that widen without loss",
                    name, i / columns, i % columns, count);
        }
        return new Fp8Matrix(wide[0], wide[1]);
    }

    /// The numbers that codes and scales stand for, F32.
    public Tensor toF32() {
        return Compute.one(new Dequantise(Blocks.WEIGHTS), codes, scales);
    }
}
