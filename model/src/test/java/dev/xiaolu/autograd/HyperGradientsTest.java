package dev.xiaolu.autograd;

import dev.xiaolu.autograd.FiniteDifferences.Case;
import dev.xiaolu.op.HyperCollapse;
import dev.xiaolu.op.HyperExpand;
import dev.xiaolu.op.HyperGates;
import dev.xiaolu.op.HyperHeadGates;
import dev.xiaolu.op.HyperMix;
import dev.xiaolu.op.UnitNorm;
import dev.xiaolu.tensor.Tensor;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The gradients of hyper-connections against finite differences.
class HyperGradientsTest {
    static Stream<Case> cases() {
        return Stream.of(
                new Case("norm without a gain", new UnitNorm(1e-5f), 1, in -> new Tensor[] {in.normal(4, 9)}),
                new Case("gates of four streams", new HyperGates(20, 1e-6f), 3, in -> new Tensor[] {in.normal(2, 3, 24), in.normal(24), in.normal(3)}),
                new Case("gates of four streams, far from converged", new HyperGates(2, 1e-2f), 3, in -> new Tensor[] {in.normal(5, 24), in.normal(24), in.normal(3)}),
                new Case("gates normalised once", new HyperGates(1, 1e-6f), 3, in -> new Tensor[] {in.normal(5, 15), in.normal(15), in.normal(3)}),
                new Case("gates of one stream", new HyperGates(3, 1e-3f), 3, in -> new Tensor[] {in.normal(4, 3), in.normal(3), in.normal(3)}),
                new Case("gates of the head", new HyperHeadGates(1e-6f), 3, in -> new Tensor[] {in.normal(2, 3, 4), in.normal(4), in.normal(1)}),
                new Case("expansion", new HyperExpand(3), 1, in -> new Tensor[] {in.normal(2, 3, 7)}),
                new Case("collapse", new HyperCollapse(), 2, in -> new Tensor[] {in.normal(2, 3, 4), in.normal(2, 3, 4, 7)}),
                new Case("mix", new HyperMix(), 4, in -> new Tensor[] {in.normal(2, 3, 4, 7), in.normal(2, 3, 7), in.normal(2, 3, 4), in.normal(2, 3, 4, 4)}));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void agreesWithFiniteDifferences(Case example) {
        FiniteDifferences.check(example);
    }
}
