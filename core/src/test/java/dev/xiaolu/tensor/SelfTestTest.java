package dev.xiaolu.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.op.Op;
import dev.xiaolu.op.RmsNorm;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class SelfTestTest {
    @Test void theReferenceHasTheCommittedDigests() {
        assertEquals(List.of(), SelfTest.run(new Reference()));
    }

    @Test void everyOperatorIsTested() {
        Set<String> tested = SelfTest.digests(new Reference()).keySet().stream().map(operator -> operator.substring(0, operator.indexOf('['))).collect(Collectors.toSet());
        assertEquals(names(Op.class), new TreeSet<>(tested));
    }

    @Test void anOperatorWithOneWrongBitIsNamed() {
        List<SelfTest.Mismatch> mismatches = SelfTest.run(new Flawed(() -> {}));
        assertEquals(List.of("RmsNorm[epsilon=1.0E-5]"), mismatches.stream().map(SelfTest.Mismatch::operator).toList());
    }

    @Test void anOperatorThatThrowsIsNamedWithWhatItThrew() {
        List<SelfTest.Mismatch> mismatches = SelfTest.run(new Flawed(() -> {
            throw new IllegalStateException("no such device");
        }));
        assertEquals(1, mismatches.size());
        assertTrue(mismatches.getFirst().toString().contains("no such device"), mismatches::toString);
    }

    private static Set<String> names(Class<?> type) {
        if (!type.isSealed()) {
            return Set.of(type.getSimpleName());
        }
        Set<String> names = new TreeSet<>();
        for (Class<?> permitted : type.getPermittedSubclasses()) {
            names.addAll(names(permitted));
        }
        return names;
    }

    /// The reference, but for one bit of [RmsNorm].
    private record Flawed(Runnable before) implements Backend {
        @Override public void run(Op op, Tensor[] inputs, Tensor[] outputs) {
            new Reference().run(op, inputs, outputs);
            if (op instanceof RmsNorm) {
                before.run();
                outputs[0].setFloat(Math.nextUp(outputs[0].getFloat(3, 4)), 3, 4);
            }
        }

        @Override public String name() {
            return "flawed";
        }

        @Override public String describe() {
            return "wrong by one bit";
        }

        @Override public boolean supports(Class<? extends Op> op) {
            return true;
        }

        @Override public void close() {}
    }
}
