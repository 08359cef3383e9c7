package dev.xiaolu.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.store.TensorSource;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// The optimizer's tensors of checkpoints of both forms: experts of a layer in one tensor, as they once were, and one by one.
class ExpertsOneByOneTest {
    private record Tensors(Map<String, Tensor> all) implements TensorSource {
        @Override public Set<String> names() {
            return all.keySet();
        }

        @Override public TensorType type(String name) {
            return all.get(name).type();
        }

        @Override public Tensor tensor(String name) {
            return all.get(name);
        }

        @Override public Path file(String name) {
            return Path.of("file of " + name);
        }

        @Override public void close() {}
    }

    @Test void bothFormsGiveTheSameTensors() {
        try (Arena arena = Arena.ofConfined()) {
            var stacked = new LinkedHashMap<String, Tensor>();
            stacked.put("adamw.m.embed.weight", Tensor.of(arena, Shape.of(2), 1, 2));
            stacked.put("muon.momentum.layers.0.ffn.experts.w1.weight", Tensor.of(arena, Shape.of(2, 1, 3), 1f, 2f, 3f, 4f, 5f, 6f));
            stacked.put("muon.momentum.layers.0.ffn.shared_experts.w1.weight", Tensor.of(arena, Shape.of(1, 3), 7f, 8f, 9f));
            Map<String, Tensor> single = ExpertsOneByOne.of(stacked);
            for (TensorSource source : List.of(ExpertsOneByOne.of(new Tensors(stacked)), ExpertsOneByOne.of(new Tensors(single)))) {
                assertEquals(List.of("adamw.m.embed.weight", "muon.momentum.layers.0.ffn.experts.0.w1.weight", "muon.momentum.layers.0.ffn.experts.1.w1.weight",
                        "muon.momentum.layers.0.ffn.shared_experts.w1.weight"), List.copyOf(source.names()));
                assertEquals(TensorType.f32(Shape.of(1, 3)), source.type("muon.momentum.layers.0.ffn.experts.1.w1.weight"));
                assertArrayEquals(new float[] {4, 5, 6}, source.tensor("muon.momentum.layers.0.ffn.experts.1.w1.weight").toFloats());
                assertArrayEquals(new float[] {7, 8, 9}, source.tensor("muon.momentum.layers.0.ffn.shared_experts.w1.weight").toFloats());
            }
            assertEquals(Path.of("file of muon.momentum.layers.0.ffn.experts.w1.weight"), ExpertsOneByOne.of(new Tensors(stacked)).file("muon.momentum.layers.0.ffn.experts.0.w1.weight"));
        }
    }
}
