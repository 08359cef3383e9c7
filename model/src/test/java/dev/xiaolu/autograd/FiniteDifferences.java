package dev.xiaolu.autograd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.op.Op;
import dev.xiaolu.shape.DType;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Fp64;
import dev.xiaolu.testkit.Inputs;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;

/// A row of the table of gradients against central differences of the same formula in double precision.
final class FiniteDifferences {
    private static final double STEP = 1e-5;
    private static final double TOLERANCE = 3e-5;

    /// One operator with inputs; the differentiable inputs are its first `count`.
    record Case(String name, Op.Differentiable op, int count, Function<Inputs, Tensor[]> inputs) {
        @Override public String toString() {
            return name;
        }
    }

    private FiniteDifferences() {}

    /// Walks back from each output that has a gradient, with random weights on its elements, and compares every element of every gradient.
    static void check(Case example) {
        try (Arena arena = Arena.ofShared(); Backend backend = Backends.open("auto", 1); Scratch scratch = new Scratch()) {
            var in = new Inputs(arena, 42);
            Tensor[] inputs = example.inputs.apply(in);
            List<Fp64.Values> values = Arrays.stream(inputs).map(FiniteDifferences::doubles).toList();
            for (int k = 0; k < Fp64.outputs(example.op, values).size(); k++) {
                int output = k;
                Compute.call(backend, scratch, () -> {
                    Map<Integer, Tensor> gradients = new HashMap<>();
                    List<Parameter> parameters = IntStream.range(0, example.count).mapToObj(i -> new Parameter("" + i, inputs[i])).toList();
                    var tape = new Tape(parameters, 1);
                    Tensor y = Compute.recording(tape, () -> Compute.run(example.op, inputs)[output]);
                    Tensor weights = in.normal(y.shape().toArray());
                    tape.backward(y, weights, (parameter, gradient) -> gradients.put(Integer.parseInt(parameter.name()), copy(arena, gradient)));
                    assertEquals(example.count, gradients.size(), "every input has a gradient");
                    for (int i = 0; i < example.count; i++) {
                        compare(example, output, values, doubles(weights), i, gradients.get(i));
                    }
                    return null;
                });
            }
        }
    }

    private static void compare(Case example, int output, List<Fp64.Values> values, Fp64.Values by, int index, Tensor gradient) {
        double[] x = values.get(index).data();
        float[] found = gradient.toFloats();
        assertEquals(x.length, found.length);
        for (int i = 0; i < x.length; i++) {
            double kept = x[i];
            x[i] = kept + STEP;
            double above = weighted(Fp64.outputs(example.op, values).get(output), by);
            x[i] = kept - STEP;
            double below = weighted(Fp64.outputs(example.op, values).get(output), by);
            x[i] = kept;
            double wanted = (above - below) / (2 * STEP);
            assertTrue(Math.abs(found[i] - wanted) <= TOLERANCE * (1 + Math.abs(wanted)),
                    "%s: gradient of input %d at %d is %s, finite differences of output %d give %s".formatted(example.name, index, i, found[i], output, wanted));
        }
    }

    private static double weighted(Fp64.Values y, Fp64.Values by) {
        double sum = 0;
        for (int i = 0; i < y.data().length; i++) {
            sum += y.data()[i] == Double.NEGATIVE_INFINITY ? 0 : y.data()[i] * by.data()[i];     // what is masked moves with nothing
        }
        return sum;
    }

    private static Fp64.Values doubles(Tensor tensor) {
        double[] data = new double[(int) tensor.shape().size()];
        for (int i = 0; i < data.length; i++) {
            data[i] = tensor.dtype() == DType.I32 ? tensor.data().getAtIndex(ValueLayout.JAVA_INT, i) : tensor.data().getAtIndex(ValueLayout.JAVA_FLOAT, i);
        }
        return new Fp64.Values(tensor.shape(), data);
    }

    static Tensor copy(Arena arena, Tensor gradient) {
        return Tensor.of(arena, gradient.shape(), gradient.toFloats());
    }
}
