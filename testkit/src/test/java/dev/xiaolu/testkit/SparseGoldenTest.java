package dev.xiaolu.testkit;

import static dev.xiaolu.testkit.OperatorGoldenTest.cases;
import static dev.xiaolu.testkit.OperatorGoldenTest.compare;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.xiaolu.op.AttentionShare;
import dev.xiaolu.op.Compress;
import dev.xiaolu.op.CompressGrad;
import dev.xiaolu.op.IndexLoss;
import dev.xiaolu.op.IndexLossGrad;
import dev.xiaolu.op.IndexScores;
import dev.xiaolu.op.IndexScoresGrad;
import dev.xiaolu.op.JointAttention;
import dev.xiaolu.op.JointAttentionGrad;
import dev.xiaolu.op.TopEntries;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// The definitions of attention over compressed entries against PyTorch in fp64.
class SparseGoldenTest {
    /// Relative to the largest magnitude: the sums of these gradients run over some thousand roundings.
    private static final double ROUNDING = 4e-6;

    @TestFactory Stream<DynamicTest> compressions() {
        return cases("compress", (tensors, parameters) -> {
            int ratio = parameters.required("ratio").asInt();
            boolean overlap = parameters.required("overlap").asBoolean();
            boolean continued = parameters.required("continued").asBoolean();
            compare(ROUNDING, new Compress(ratio, overlap, continued), tensors, "content gate bias", "entries");
            compare(ROUNDING, new CompressGrad(ratio, overlap, continued, parameters.required("leaves").asInt()), tensors, "content gate bias dy", "dcontent dgate dbias");
        });
    }

    @TestFactory Stream<DynamicTest> jointAttentions() {
        return cases("joint_attention", (tensors, parameters) -> {
            float scale = (float) parameters.required("scale").asDouble();
            boolean gathered = parameters.required("gathered").asBoolean();
            String inputs = "q raw entries sink first last origin " + (gathered ? "chosen" : "visible");
            compare(ROUNDING, new JointAttention(scale, gathered), tensors, inputs, "o m l");
            compare(ROUNDING, new JointAttentionGrad(scale, gathered, parameters.required("leaves").asInt()), tensors, inputs + " o m l dy", "dq draw dentries dsink");
        });
    }

    @TestFactory Stream<DynamicTest> indexScores() {
        return cases("index_scores", (tensors, _) -> {
            compare(ROUNDING, new IndexScores(), tensors, "q k weight visible", "scores");
            compare(ROUNDING, new IndexScoresGrad(), tensors, "q k weight visible dy", "dq dk dweight");
        });
    }

    @TestFactory Stream<DynamicTest> indexLosses() {
        return cases("index_loss", (tensors, parameters) -> {
            float scale = (float) parameters.required("scale").asDouble();
            boolean gathered = parameters.required("gathered").asBoolean();
            String seen = gathered ? "chosen" : "visible";
            compare(ROUNDING, new AttentionShare(scale, gathered), tensors, "q entries m l " + seen, "share");
            Map<String, Tensor> all = new HashMap<>(tensors);
            Tensor[] forward = Compute.run(new IndexLoss(gathered), tensors.get("scores"), tensors.get("share"), tensors.get(seen));
            all.put("greatest", forward[1]);
            all.put("sum", forward[2]);
            Difference.assertWithinOfLargest(ROUNDING, "loss", tensors.get("loss"), forward[0]);
            compare(ROUNDING, new IndexLossGrad(gathered), all, "scores share " + seen + " greatest sum dloss", "dscores");
            if (gathered) {
                Tensor chosen = Compute.one(new TopEntries(parameters.required("k").asInt()), tensors.get("scores"), tensors.get("visible"));
                assertEquals(-1, chosen.data().mismatch(tensors.get("chosen").data()), "the entries that PyTorch chose");
            }
        });
    }
}
