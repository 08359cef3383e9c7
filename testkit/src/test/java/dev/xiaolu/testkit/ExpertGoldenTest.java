package dev.xiaolu.testkit;

import static dev.xiaolu.testkit.OperatorGoldenTest.cases;
import static dev.xiaolu.testkit.OperatorGoldenTest.compare;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.xiaolu.op.Add;
import dev.xiaolu.op.BalanceLoss;
import dev.xiaolu.op.BalanceLossGrad;
import dev.xiaolu.op.ClampedSwiGlu;
import dev.xiaolu.op.ClampedSwiGluGrad;
import dev.xiaolu.op.Combine;
import dev.xiaolu.op.CombineGrad;
import dev.xiaolu.op.ExpertLinear;
import dev.xiaolu.op.ExpertLinearGrad;
import dev.xiaolu.op.ExpertLoad;
import dev.xiaolu.op.ExpertPlan;
import dev.xiaolu.op.GroupedLinear;
import dev.xiaolu.op.GroupedLinearGrad;
import dev.xiaolu.op.HyperCollapse;
import dev.xiaolu.op.HyperCollapseGrad;
import dev.xiaolu.op.HyperGates;
import dev.xiaolu.op.HyperGatesGrad;
import dev.xiaolu.op.HyperHeadGates;
import dev.xiaolu.op.HyperHeadGatesGrad;
import dev.xiaolu.op.HyperMix;
import dev.xiaolu.op.HyperMixGrad;
import dev.xiaolu.op.RouteScores;
import dev.xiaolu.op.RouteScoresGrad;
import dev.xiaolu.op.RouteWeights;
import dev.xiaolu.op.RouteWeightsGrad;
import dev.xiaolu.op.RouterBiasStep;
import dev.xiaolu.op.Softmax;
import dev.xiaolu.op.SoftmaxGrad;
import dev.xiaolu.op.SqrtSoftplus;
import dev.xiaolu.op.SqrtSoftplusGrad;
import dev.xiaolu.op.TakeRows;
import dev.xiaolu.op.TakeRowsGrad;
import dev.xiaolu.op.TopExperts;
import dev.xiaolu.shape.DType;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;

/// The definitions of hyper-connections, routers and experts against PyTorch in fp64.
class ExpertGoldenTest {
    /// Differences allowed, relative to the largest magnitude, after several operators in a row.
    private static final double LAYER_ROUNDING = 5e-6;

    private static float number(JsonNode parameters, String name) {
        return (float) parameters.required(name).asDouble();
    }

    @TestFactory Stream<DynamicTest> gates() {
        return cases("hyper_gates", (tensors, parameters) -> {
            int iterations = parameters.required("iterations").asInt();
            float epsilon = number(parameters, "epsilon");
            compare(new HyperGates(iterations, epsilon), tensors, "m base scale", "pre post comb");
            int leaves = parameters.required("leaves").asInt();
            compare(LAYER_ROUNDING, new HyperGatesGrad(iterations, epsilon, leaves), tensors, "m base scale dpre dpost dcomb", "dm dbase dscale");
        });
    }

    @TestFactory Stream<DynamicTest> streams() {
        return cases("hyper_streams", (tensors, parameters) -> {
            compare(new HyperCollapse(), tensors, "pre x", "u");
            compare(new HyperCollapseGrad(), tensors, "pre x du", "dpre dx_of_u");
            compare(new HyperMix(), tensors, "x y post comb", "mixed");
            compare(new HyperMixGrad(), tensors, "x y post comb dmixed", "dx dy dpost dcomb");
            compare(new HyperHeadGates(number(parameters, "epsilon")), tensors, "m base scale", "head");
            compare(new HyperHeadGatesGrad(1), tensors, "m base scale dhead", "dm dbase dscale");
        });
    }

    @TestFactory Stream<DynamicTest> routers() {
        return cases("router", (tensors, parameters) -> {
            compare(new SqrtSoftplus(), tensors, "z", "s");
            compare(new SqrtSoftplusGrad(), tensors, "z s ds", "dz");
            Tensor chosen = tensors.get("chosen");
            Tensor scores = tensors.get("s").reshape(chosen.shape().axis(0), tensors.get("s").shape().last());
            assertSameInts(chosen, Compute.one(new TopExperts((int) chosen.shape().last()), scores, tensors.get("bias")));
            tensors.put("scores", scores);
            compare(new RouteWeights(number(parameters, "scale")), tensors, "scores chosen", "weights");
            compare(new RouteWeightsGrad(number(parameters, "scale")), tensors, "scores chosen dweights", "ds_of_weights");
            compare(new BalanceLoss(number(parameters, "alpha")), tensors, "s chosen", "loss");
            compare(new BalanceLossGrad(number(parameters, "alpha")), tensors, "s chosen dloss", "ds_of_loss");
            Tensor load = Tensor.zeros(Arena.ofAuto(), DType.I64, tensors.get("bias").shape());
            Compute.run(new ExpertLoad(), chosen, load);
            for (long e = 0; e < load.shape().size(); e++) {
                assertEquals(tensors.get("load").getInt(e), load.data().getAtIndex(ValueLayout.JAVA_LONG, e), "load of expert " + e);
            }
            Compute.run(new RouterBiasStep(number(parameters, "rate")), tensors.get("bias"), load);
            Difference.assertWithinOfLargest(1e-7, "bias", tensors.get("moved"), tensors.get("bias"));
        });
    }

    @TestFactory Stream<DynamicTest> shares() {
        return cases("shares", (tensors, parameters) -> {
            compare(new Softmax(), tensors, "z", "s");
            compare(new SoftmaxGrad(), tensors, "s ds", "dz");
            assertSameInts(tensors.get("chosen"), Compute.one(new TopExperts((int) tensors.get("chosen").shape().last()), tensors.get("s")));
            compare(new RouteScores(number(parameters, "scale")), tensors, "s chosen", "taken");
            compare(new RouteScoresGrad(number(parameters, "scale")), tensors, "s chosen dtaken", "ds_of_taken");
        });
    }

    private static void assertSameInts(Tensor wanted, Tensor found) {
        assertArrayEquals(wanted.data().toArray(ValueLayout.JAVA_INT), found.data().asSlice(0, found.type().bytes()).toArray(ValueLayout.JAVA_INT));
    }

    /// Forward and back through a whole layer of experts.
    @TestFactory Stream<DynamicTest> experts() {
        return cases("experts", (tensors, parameters) -> {
            int leaves = parameters.required("leaves").asInt();
            float limit = number(parameters, "limit");
            Tensor w1 = tensors.get("w1");
            Tensor w2 = tensors.get("w2");
            Tensor w3 = tensors.get("w3");
            Tensor weights = tensors.get("weights");
            Tensor[] plan = Compute.run(new ExpertPlan((int) w1.shape().axis(0)), tensors.get("chosen"));
            Tensor x = Compute.one(new TakeRows(), tensors.get("x"), plan[2]);
            Tensor gate = Compute.one(new ExpertLinear(false), x, w1, plan[0], plan[1]);
            Tensor up = Compute.one(new ExpertLinear(false), x, w3, plan[0], plan[1]);
            Tensor h = Compute.one(new ClampedSwiGlu(limit), gate, up);
            Tensor done = Compute.one(new ExpertLinear(false), h, w2, plan[0], plan[1]);
            near(tensors, "y", Compute.one(new Combine(), done, weights, plan[2]));

            Tensor[] ofCombine = Compute.run(new CombineGrad(), done, weights, plan[2], tensors.get("dy"));
            near(tensors, "dweights", ofCombine[1]);
            near(tensors, "dw2", Compute.one(new ExpertLinearGrad(leaves), h, ofCombine[0], plan[0], plan[1]));
            Tensor dh = Compute.one(new ExpertLinear(true), ofCombine[0], w2, plan[0], plan[1]);
            Tensor[] ofGate = Compute.run(new ClampedSwiGluGrad(limit), gate, up, dh);
            near(tensors, "dw1", Compute.one(new ExpertLinearGrad(leaves), x, ofGate[0], plan[0], plan[1]));
            near(tensors, "dw3", Compute.one(new ExpertLinearGrad(leaves), x, ofGate[1], plan[0], plan[1]));
            Tensor dx = Compute.one(new Add(), Compute.one(new ExpertLinear(true), ofGate[0], w1, plan[0], plan[1]),
                    Compute.one(new ExpertLinear(true), ofGate[1], w3, plan[0], plan[1]));
            near(tensors, "dx", Compute.one(new TakeRowsGrad(), dx, plan[2]));
        });
    }

    private static void near(Map<String, Tensor> tensors, String name, Tensor found) {
        Difference.assertWithinOfLargest(LAYER_ROUNDING, name, tensors.get(name), found);
    }

    @TestFactory Stream<DynamicTest> groupedProducts() {
        return cases("grouped_linear", (tensors, parameters) -> {
            compare(new GroupedLinear(false), tensors, "x weight", "y");
            compare(new GroupedLinear(true), tensors, "dy weight", "dx");
            compare(new GroupedLinearGrad(parameters.required("leaves").asInt()), tensors, "x dy", "dweight");
        });
    }
}
