package dev.xiaolu.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.op.Op;
import dev.xiaolu.op.SwiGlu;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Reference;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SelfTestTest {
    /// The reference, but for the last bit of one operator.
    private static Backend broken(String name) {
        var reference = new Reference();
        return new Backend() {
            @Override public String name() {
                return name;
            }

            @Override public String describe() {
                return "a bit off";
            }

            @Override public boolean supports(Class<? extends Op> op) {
                return true;
            }

            @Override public void run(Op op, Tensor[] inputs, Tensor[] outputs) {
                reference.run(op, inputs, outputs);
                if (op instanceof SwiGlu) {
                    var data = outputs[0].data();
                    data.set(ValueLayout.JAVA_INT, 8, data.get(ValueLayout.JAVA_INT, 8) ^ 1);
                }
            }

            @Override public void close() {}
        };
    }

    @Test void theReferenceGivesTheDigestOnRecord() {
        assertEquals(SelfTest.RECORDED, SelfTest.digest(new Reference()));
    }

    @ParameterizedTest @ValueSource(ints = {1, 2, 3})
    void theCpuBackendPassesWithAnyNumberOfThreads(int threads) {
        try (Backend cpu = Backends.open("cpu", threads)) {
            assertEquals("", SelfTest.fault(cpu));
        }
    }

    @Test void oneWrongBitNamesOperatorAndBackend() {
        String fault = SelfTest.fault(broken("faulty"));
        assertTrue(fault.contains("SwiGlu") && fault.contains("faulty") && fault.contains("byte 8"), fault);
    }

    @Test void aReferenceThatGoesWrongIsFoundByTheRecord() {
        assertTrue(SelfTest.fault(broken("reference")).contains("other bits"));
    }
}
