package dev.xiaolu.models.deepseek4;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.autograd.Tape;
import dev.xiaolu.nn.ExpertExchange;
import dev.xiaolu.nn.ExpertLayer;
import dev.xiaolu.nn.RoutedExperts;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Recycling;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Experts that are worked out in runs of neighbours, each by itself as another process would, give the bits of a pass over all of them.
class ExpertRunsTest {
    private static final int[] TEXT = TrainingPass.text(5, 16);

    /// Works out runs of so many experts apart from the pass, with tapes and memory of their own, and puts their gradients together.
    private record Apart(int size, Arena arena, Map<String, float[]> gradients) implements ExpertExchange {
        @Override public Tensor forward(ExpertLayer layer, Tensor x, RoutedExperts.Plan plan) {
            Tensor y = Compute.current().scratch().allocate(x.type());
            runs(layer, x, null, plan, y);
            Compute.current().recorder().ifPresent(recorder -> recorder.made(x, y, dy -> {
                Tensor dx = Compute.current().scratch().allocate(x.type());
                runs(layer, x, dy, plan, dx);
                return dx;
            }));
            return y;
        }

        private void runs(ExpertLayer layer, Tensor x, Tensor dy, RoutedExperts.Plan plan, Tensor back) {
            int experts = (int) layer.stacks().getFirst().shape().axis(0);
            for (int from = 0; from < experts; from += size) {
                int to = Math.min(experts, from + size), first = plan.offsets().getInt(from), last = plan.offsets().getInt(to);
                if (first == last) {
                    continue;
                }
                int[] offsets = new int[to - from + 1];
                for (int i = 0; i < offsets.length; i++) {
                    offsets[i] = plan.offsets().getInt(from + i) - first;
                }
                try (var scratch = new Scratch()) {
                    Tensor rows = copy(x.slice(0, first, last)), gradient = dy == null ? null : copy(dy.slice(0, first, last));
                    Tensor made = Compute.call(Compute.current().backend(), scratch, new Run(this, layer, from, to, offsets, rows, gradient)::work);
                    back.slice(0, first, last).data().copyFrom(made.data().asSlice(0, made.type().bytes()));
                }
            }
        }

        private Tensor copy(Tensor rows) {
            Tensor copy = Tensor.zeros(arena, DType.F32, rows.shape());
            copy.data().copyFrom(rows.data().asSlice(0, rows.type().bytes()));
            return copy;
        }
    }

    private record Run(Apart apart, ExpertLayer layer, int from, int to, int[] offsets, Tensor x, Tensor dy) {
        Tensor work() {
            int[] order = new int[(int) x.shape().axis(0)];
            for (int i = 0; i < order.length; i++) {
                order[i] = i;
            }
            Tensor orders = Tensor.of(apart.arena, Shape.of(order.length), order), begins = Tensor.of(apart.arena, Shape.of(offsets.length), offsets);
            var pieces = new ArrayList<Parameter>();
            layer.stacks().forEach(stack -> pieces.add(new Parameter(stack.name(), stack.value().slice(0, from, to))));
            List<Tensor> weights = pieces.stream().map(Parameter::value).toList();
            if (dy == null) {
                return layer.ofRun(x, orders, begins, weights);
            }
            var rows = new Parameter("rows", x);
            var all = new ArrayList<>(pieces);
            all.add(rows);
            var tape = new Tape(all, 1);
            Tensor y = Compute.recording(tape, () -> layer.ofRun(x, orders, begins, weights));
            Tensor[] ofRows = new Tensor[1];
            tape.backward(y, dy, (parameter, gradients) -> {
                if (parameter == rows) {
                    ofRows[0] = gradients.at(0);
                    return;
                }
                float[] part = gradients.toFloats(), whole = apart.gradients.computeIfAbsent(parameter.name(), _ -> new float[(int) layer.stacks().getFirst().shape().size()]);
                System.arraycopy(part, 0, whole, from * (part.length / (to - from)), part.length);
            });
            return ofRows[0];
        }
    }

    @ParameterizedTest @CsvSource({"1, false", "3, false", "8, false", "3, true"})
    void runsOfAnySizeGiveTheLossesAndGradientsOfAllExpertsTogether(int size, boolean rounded) {
        TrainingPass.withNarrow(new Rounding(rounded, false), (model, arena) -> {
            var recipe = new DeepSeekV4Recipe(0.01f, 0, 0.3f, 0.1f, 0);
            Map<String, float[]> wanted = TrainingPass.of(new DeepSeekV4Training(model, recipe, arena), 0, 1, TEXT);
            var apart = new Apart(size, arena, new HashMap<>());
            Map<String, float[]> found;
            try (Recycling _ = Compute.current().scratch().recycle()) {
                found = new TreeMap<>(RoutedExperts.exchanging(apart, () -> TrainingPass.of(new DeepSeekV4Training(model, recipe, arena), 0, 1, TEXT)));
            }
            assertTrue(apart.gradients.size() >= 3 * model.config().numLayers(), apart.gradients.keySet().toString());
            apart.gradients.forEach((name, gradient) -> assertTrue(found.put(name, gradient) == null, name + " has a gradient in the pass too"));
            assertEquals(wanted.keySet(), found.keySet());
            wanted.forEach((name, values) -> assertArrayEquals(values, found.get(name), name));
        });
    }

    @Test void aParameterDoesNotGoElsewhere() {
        TrainingPass.withNarrow(new Rounding(false, false), (model, arena) -> {
            Parameter one = model.parameters().all().iterator().next();
            var tape = new Tape(List.of(one), 1);
            Tensor y = Compute.current().scratch().allocate(new TensorType(DType.F32, one.shape()));
            var refused = org.junit.jupiter.api.Assertions.assertThrows(IllegalArgumentException.class, () -> tape.made(one.value(), y, dy -> dy));
            assertTrue(refused.getMessage().contains("a parameter went elsewhere"), refused.getMessage());
        });
    }
}
