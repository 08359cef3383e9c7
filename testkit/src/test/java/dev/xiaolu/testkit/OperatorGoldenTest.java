package dev.xiaolu.testkit;

import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.xiaolu.op.AdamW;
import dev.xiaolu.op.Attention;
import dev.xiaolu.op.AttentionGrad;
import dev.xiaolu.op.CrossEntropy;
import dev.xiaolu.op.CrossEntropyGrad;
import dev.xiaolu.op.Embed;
import dev.xiaolu.op.EmbedGrad;
import dev.xiaolu.op.MatMul;
import dev.xiaolu.op.Op;
import dev.xiaolu.op.RmsNorm;
import dev.xiaolu.op.RmsNormGrad;
import dev.xiaolu.op.Rope;
import dev.xiaolu.op.SwiGlu;
import dev.xiaolu.op.SwiGluGrad;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;

/// The definitions of the operators against PyTorch in fp64: they may differ by the rounding of fp32 and by nothing else.
class OperatorGoldenTest {
    /// Differences allowed, relative to the largest magnitude of the tensor: some tens of roundings.
    private static final double ROUNDING = 2e-6;

    interface Case {
        void check(Map<String, Tensor> tensors, JsonNode parameters);
    }

    /// One test for each case of a golden, run on the reference.
    static Stream<DynamicTest> cases(String name, Case check) {
        Golden golden = Golden.open(name);
        return golden.cases().stream().map(each -> dynamicTest(name + " " + each, () -> {
            try (var backend = Backends.open("reference", 1); var scratch = new Scratch()) {
                Compute.call(backend, scratch, () -> {
                    check.check(golden.tensors(each), golden.parameters(each));
                    return null;
                });
            }
        }));
    }

    /// Runs `op` on the named inputs and compares its outputs with the named tensors.
    static void compare(Op op, Map<String, Tensor> tensors, String inputs, String outputs) {
        compare(ROUNDING, op, tensors, inputs, outputs);
    }

    static void compare(double tolerance, Op op, Map<String, Tensor> tensors, String inputs, String outputs) {
        Tensor[] found = Compute.run(op, Stream.of(inputs.split(" ")).map(tensors::get).toArray(Tensor[]::new));
        String[] names = outputs.split(" ");
        for (int i = 0; i < names.length; i++) {
            Difference.assertWithinOfLargest(tolerance, op + " " + names[i], tensors.get(names[i]), found[i]);
        }
    }

    @TestFactory Stream<DynamicTest> matrixProducts() {
        return cases("mat_mul", (tensors, parameters) -> compare(
                new MatMul(parameters.required("transposeA").asBoolean(), parameters.required("transposeB").asBoolean()), tensors, "a b", "y"));
    }

    @TestFactory Stream<DynamicTest> rmsNorms() {
        return cases("rms_norm", (tensors, parameters) -> {
            float epsilon = (float) parameters.required("epsilon").asDouble();
            compare(new RmsNorm(epsilon), tensors, "x gain", "y");
            compare(new RmsNormGrad(epsilon, parameters.required("leaves").asInt()), tensors, "x gain dy", "dx dgain");
        });
    }

    @TestFactory Stream<DynamicTest> ropes() {
        return cases("rope", (tensors, _) -> {
            compare(new Rope(false), tensors, "x table positions", "y");
            compare(new Rope(true), tensors, "dy table positions", "dx");
        });
    }

    @TestFactory Stream<DynamicTest> swiGlus() {
        return cases("swi_glu", (tensors, _) -> {
            compare(new SwiGlu(), tensors, "gate up", "y");
            compare(new SwiGluGrad(), tensors, "gate up dy", "dgate dup");
        });
    }

    @TestFactory Stream<DynamicTest> attentions() {
        return cases("attention", (tensors, parameters) -> {
            float scale = (float) parameters.required("scale").asDouble();
            compare(new Attention(scale), tensors, "q k v first last", "o m l");
            compare(new AttentionGrad(scale), tensors, "q k v first last o m l dy", "dq dk dv");
        });
    }

    @TestFactory Stream<DynamicTest> crossEntropies() {
        return cases("cross_entropy", (tensors, _) -> {
            compare(new CrossEntropy(), tensors, "logits targets", "loss m l");
            compare(new CrossEntropyGrad(), tensors, "logits targets m l dloss", "dlogits");
        });
    }

    @TestFactory Stream<DynamicTest> embeddings() {
        return cases("embed", (tensors, parameters) -> {
            int vocab = (int) tensors.get("weight").shape().axis(0);
            compare(0, new Embed(), tensors, "weight ids", "y");
            compare(new EmbedGrad(vocab, parameters.required("leaves").asInt()), tensors, "dy ids", "dweight");
        });
    }

    @TestFactory Stream<DynamicTest> adamWSteps() {
        return cases("adam_w", (tensors, parameters) -> {
            Tensor param = tensors.get("param0");
            Tensor m = tensors.get("m0");
            Tensor v = tensors.get("v0");
            for (int step = 1; step <= 3; step++) {
                Compute.run(AdamW.at(step, parameters.required("learningRate").asDouble(), parameters.required("beta1").asDouble(),
                        parameters.required("beta2").asDouble(), parameters.required("epsilon").asDouble(), parameters.required("weightDecay").asDouble(),
                        (float) parameters.required("gradScale").asDouble()), param, tensors.get("grad" + step), m, v);
                Difference.assertWithinOfLargest(ROUNDING, "param" + step, tensors.get("param" + step), param);
                Difference.assertWithinOfLargest(ROUNDING, "m" + step, tensors.get("m" + step), m);
                Difference.assertWithinOfLargest(ROUNDING, "v" + step, tensors.get("v" + step), v);
            }
        });
    }
}
