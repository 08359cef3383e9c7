package dev.xiaolu.testkit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.shape.DType;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// The generator must give the bits that the recorders had, or every golden of a generated model compares with another model.
class GoldenWeightsTest {
    private static final Golden RECORDED = Golden.open("deepseek4/weights");

    private static byte[] bytes(Tensor tensor) {
        return tensor.data().asSlice(0, tensor.type().bytes()).toArray(ValueLayout.JAVA_BYTE);
    }

    @Test void namesHashAsPublishedForFnv1a() {
        assertEquals(0xCBF29CE484222325L, GoldenWeights.hash(""));
        assertEquals(0xAF63DC4C8601EC8CL, GoldenWeights.hash("a"));
        assertEquals(0x85944171F73967E8L, GoldenWeights.hash("foobar"));
    }

    @Test void bitsAreThoseOfTheSequentialSplitMix64() {
        long[] published = {6457827717110365317L, 3203168211198807973L, Long.parseUnsignedLong("9817491932198370423"), 4593380528125082431L,
            Long.parseUnsignedLong("16408922859458223821")};
        for (int i = 0; i < published.length; i++) {
            assertEquals(published[i], GoldenWeights.bits(1234567, i));
        }
    }

    @Test void everyKindOfTensorHasTheRecordedBits() {
        Map<String, Tensor> recorded = RECORDED.tensors("values");
        assertEquals(12, recorded.size());
        recorded.forEach((name, wanted) ->
                assertArrayEquals(bytes(wanted), bytes(GoldenWeights.tensor(Arena.ofAuto(), name, wanted.shape())), name));
    }

    @Test void tablesOfExpertsAreThoseRecordedAndDistinctInARow() {
        RECORDED.tensors("experts").forEach((name, wanted) -> {
            int tokens = (int) wanted.shape().axis(0);
            int chosen = (int) wanted.shape().axis(1);
            int experts = RECORDED.json("golden.json").required("experts").required(name).asInt();
            Tensor found = GoldenWeights.expertsOfTokens(Arena.ofAuto(), name, tokens, chosen, experts);
            assertEquals(DType.I64, found.dtype());
            for (int token = 0; token < tokens; token++) {
                long[] row = new long[chosen];
                for (int place = 0; place < chosen; place++) {
                    row[place] = found.data().getAtIndex(ValueLayout.JAVA_LONG, (long) token * chosen + place);
                    assertEquals(wanted.getInt(token, place), row[place], name + " of token " + token);
                    assertTrue(row[place] >= 0 && row[place] < experts, name + " of token " + token);
                }
                assertEquals(chosen, Arrays.stream(row).distinct().count(), name + " of token " + token);
            }
        });
    }

    @Test void moreDistinctExpertsThanThereAreIsRefused() {
        var refused = assertThrows(IllegalArgumentException.class, () -> GoldenWeights.expertsOfTokens(Arena.ofAuto(), "layers.0.ffn.gate.tid2eid", 4, 9, 8));
        assertTrue(refused.getMessage().contains("layers.0.ffn.gate.tid2eid"), refused.getMessage());
    }
}
