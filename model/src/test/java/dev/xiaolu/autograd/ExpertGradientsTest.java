package dev.xiaolu.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.xiaolu.autograd.FiniteDifferences.Case;
import dev.xiaolu.op.BalanceLoss;
import dev.xiaolu.op.ClampedSwiGlu;
import dev.xiaolu.op.Combine;
import dev.xiaolu.op.ExpertLinear;
import dev.xiaolu.op.ExpertPlan;
import dev.xiaolu.op.GroupedLinear;
import dev.xiaolu.op.HyperCollapse;
import dev.xiaolu.op.HyperGates;
import dev.xiaolu.op.HyperHeadGates;
import dev.xiaolu.op.HyperMix;
import dev.xiaolu.op.MatMul;
import dev.xiaolu.op.RouteScores;
import dev.xiaolu.op.RouteWeights;
import dev.xiaolu.op.Softmax;
import dev.xiaolu.op.SqrtSoftplus;
import dev.xiaolu.op.TakeRows;
import dev.xiaolu.op.TopExperts;
import dev.xiaolu.op.UnitNorm;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Inputs;
import dev.xiaolu.testkit.Routing;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The gradients of routers and experts against finite differences, and one leaf of work at a time.
class ExpertGradientsTest {
    static Stream<Case> cases() {
        return Stream.of(
                new Case("router score", new SqrtSoftplus(), 1, in -> new Tensor[] {scaled(in.normal(4, 7), 3, 0)}),
                new Case("router score where softplus is the identity", new SqrtSoftplus(), 1, in -> new Tensor[] {scaled(in.normal(4, 7), 1, 40)}),
                new Case("weights of the chosen", new RouteWeights(1.5f), 1, in -> new Tensor[] {positive(in.normal(6, 8)), in.chosen(6, 3, 8)}),
                new Case("weight of the only one", new RouteWeights(2.5f), 1, in -> new Tensor[] {positive(in.normal(6, 8)), in.chosen(6, 1, 8)}),
                new Case("shares", new Softmax(), 1, in -> new Tensor[] {scaled(in.normal(5, 37), 2, 0)}),
                new Case("scores of the chosen", new RouteScores(1.5f), 1, in -> new Tensor[] {in.normal(6, 8), in.chosen(6, 3, 8)}),
                new Case("balance", new BalanceLoss(0.3f), 1, in -> new Tensor[] {positive(in.normal(3, 5, 8)), in.chosen(15, 3, 8)}),
                new Case("clamped gate", new ClampedSwiGlu(0.7f), 2, in -> new Tensor[] {in.normal(3, 11), in.normal(3, 11)}),
                new Case("clamp that nothing reaches", new ClampedSwiGlu(10), 2, in -> new Tensor[] {in.normal(3, 11), in.normal(3, 11)}),
                new Case("copies of tokens", new TakeRows(), 1, in -> new Tensor[] {in.normal(2, 3, 5), Routing.of(in, 6, 3, 8).places()}),
                new Case("combination", new Combine(), 2, in -> new Tensor[] {in.normal(18, 5), in.normal(6, 3), Routing.of(in, 6, 3, 8).places()}),
                new Case("experts", new ExpertLinear(false), 2, in -> experts(in, 5, 4, 5)),
                new Case("experts, transposed", new ExpertLinear(true), 2, in -> experts(in, 4, 4, 5)),
                new Case("groups", new GroupedLinear(false), 2, in -> new Tensor[] {in.normal(2, 3, 4, 5), in.normal(4 * 6, 5)}),
                new Case("groups, transposed", new GroupedLinear(true), 2, in -> new Tensor[] {in.normal(2, 3, 4, 6), in.normal(4 * 6, 5)}));
    }

    private static Tensor[] experts(Inputs in, int width, int out, int inner) {
        Routing routing = Routing.of(in, 6, 3, 8);
        return new Tensor[] {in.normal(18, width), in.normal(8, out, inner), routing.order(), routing.offsets()};
    }

    private static Tensor positive(Tensor tensor) {
        for (long i = 0; i < tensor.shape().size(); i++) {
            tensor.data().setAtIndex(ValueLayout.JAVA_FLOAT, i, Math.abs(tensor.data().getAtIndex(ValueLayout.JAVA_FLOAT, i)) + 0.1f);
        }
        return tensor;
    }

    private static Tensor scaled(Tensor tensor, float by, float plus) {
        for (long i = 0; i < tensor.shape().size(); i++) {
            tensor.data().setAtIndex(ValueLayout.JAVA_FLOAT, i, tensor.data().getAtIndex(ValueLayout.JAVA_FLOAT, i) * by + plus);
        }
        return tensor;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void agreesWithFiniteDifferences(Case example) {
        FiniteDifferences.check(example);
    }

    /// A layer in small: gates, a sub-layer of experts, groups, and the streams again.
    private record Layer(Tensor router, Tensor bias, Tensor experts, Tensor groups, Tensor base, Tensor scale, Tensor gates, Tensor headBase, Tensor headScale) {
        static Layer of(Inputs in) {
            return new Layer(in.normal(8, 6), in.normal(8), in.normal(8, 6, 6), in.normal(6, 3), in.normal(24), in.normal(3), in.normal(24, 24), in.normal(4), in.normal(1));
        }

        List<Parameter> parameters() {
            return List.of(new Parameter("router", router), new Parameter("experts", experts), new Parameter("groups", groups), new Parameter("base", base),
                    new Parameter("scale", scale), new Parameter("gates", gates), new Parameter("headBase", headBase), new Parameter("headScale", headScale));
        }

        /// Takes `x [batch, seq, 4, 6]`, gives `[batch, seq, 6]`.
        Tensor forward(Tensor x) {
            long batch = x.shape().axis(0);
            long length = x.shape().axis(1);
            Tensor m = Compute.one(new MatMul(false, true), Compute.one(new UnitNorm(1e-6f), x.reshape(batch, length, 24)), gates);
            Tensor[] split = Compute.run(new HyperGates(20, 1e-6f), m, base, scale);
            Tensor u = Compute.one(new HyperCollapse(), split[0], x);
            Tensor scores = Compute.one(new SqrtSoftplus(), Compute.one(new MatMul(false, true), u.reshape(batch * length, 6), router));
            Tensor chosen = Compute.one(new TopExperts(3), scores, bias);
            Tensor[] plan = Compute.run(new ExpertPlan(8), chosen);
            Tensor taken = Compute.one(new TakeRows(), u, plan[2]);
            Tensor done = Compute.one(new ExpertLinear(false), taken, experts, plan[0], plan[1]);
            Tensor y = Compute.one(new Combine(), done, Compute.one(new RouteWeights(1.5f), scores, chosen), plan[2]);
            Tensor grouped = Compute.one(new GroupedLinear(false), y.reshape(batch, length, 2, 3), groups).reshape(batch, length, 6);
            Tensor mixed = Compute.one(new HyperMix(), x, grouped, split[1], split[2]);
            Tensor pre = Compute.one(new HyperHeadGates(1e-6f), split[1], headBase, headScale);
            return Compute.one(new HyperCollapse(), pre, mixed);
        }

        Map<String, float[]> gradients(Tensor x, Tensor seed, int leaves) {
            Map<String, float[]> found = new TreeMap<>();
            var tape = new Tape(parameters(), leaves);
            Tensor y = Compute.recording(tape, () -> forward(x));
            tape.backward(y, seed, (parameter, gradient) -> {
                assertEquals(parameter.shape().prepend(leaves), gradient.shape());
                found.put(parameter.name(), gradient.toFloats());
            });
            return found;
        }
    }

    @Test void eachLeafHasTheGradientsThatItHasAlone() {
        try (Arena arena = Arena.ofShared(); Backend backend = Backends.open("auto", 2); Scratch scratch = new Scratch()) {
            var in = new Inputs(arena, 7);
            Layer layer = Layer.of(in);
            Tensor x = in.normal(3, 17, 4, 6);
            Tensor seed = in.normal(3, 17, 6);
            Compute.call(backend, scratch, () -> {
                Map<String, float[]> together = layer.gradients(x, seed, 3);
                assertEquals(8, together.size(), "every parameter has a gradient, the bias none");
                for (int leaf = 0; leaf < 3; leaf++) {
                    Map<String, float[]> alone = layer.gradients(x.slice(0, leaf, leaf + 1), seed.slice(0, leaf, leaf + 1), 1);
                    for (String name : together.keySet()) {
                        float[] all = together.get(name);
                        int each = all.length / 3;
                        assertArrayEquals(alone.get(name), java.util.Arrays.copyOfRange(all, leaf * each, (leaf + 1) * each), name + " of leaf " + leaf);
                    }
                }
                return null;
            });
        }
    }

    @Test void theTapeStopsAtAChoice() {
        try (Arena arena = Arena.ofShared(); Backend backend = Backends.open("auto", 1); Scratch scratch = new Scratch()) {
            var in = new Inputs(arena, 8);
            Tensor scores = positive(in.normal(5, 8));
            Compute.call(backend, scratch, () -> {
                var tape = new Tape(List.of(new Parameter("scores", scores)), 1);
                Tensor[] chosen = new Tensor[1];
                Tensor y = Compute.recording(tape, () -> {
                    chosen[0] = Compute.one(new TopExperts(2), scores);
                    return Compute.one(new RouteWeights(1), scores, chosen[0]);
                });
                tape.backward(y, in.normal(5, 2), (parameter, gradient) -> {
                    for (int row = 0; row < 5; row++) {
                        for (int expert = 0; expert < 8; expert++) {
                            boolean taken = expert == chosen[0].getInt(row, 0) || expert == chosen[0].getInt(row, 1);
                            assertEquals(taken, gradient.getFloat(0, row, expert) != 0, parameter.name() + " of row " + row + ", expert " + expert);
                        }
                    }
                });
                return null;
            });
        }
    }
}
