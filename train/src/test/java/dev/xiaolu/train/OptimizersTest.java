package dev.xiaolu.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.nn.Training;
import dev.xiaolu.shape.DType;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What weight decay takes from weights that have no gradient: a step on zeros shows it alone.
class OptimizersTest {
    @ParameterizedTest
    @CsvSource({"LLAMA, adamw, true", "LLAMA, adamw, false", "LLAMA, muon, true", "LLAMA, muon, false", "DEEPSEEK4, adamw, false", "DEEPSEEK4, muon, true", "DEEPSEEK4, muon, false"})
    void matricesDecayAndEmbeddingsAsTheConfigSays(TinyModel tiny, String name, boolean embeddings) {
        RunConfig.Optim optim = ConfigReader.words(List.of("tiny", "optim.name=" + name, "optim.weight_decay=0.5", "optim.decay_embeddings=" + embeddings)).config().optim();
        try (Arena arena = Arena.ofShared(); Backend backend = Backends.open("auto", 1); Scratch scratch = new Scratch()) {
            Compute.call(backend, scratch, () -> {
                Training training = tiny.training(arena, (_, value, _) -> fill(value), 64);
                try (var optimizer = Optimizers.of(optim, training)) {
                    optimizer.step(1, 0.5, parameter -> Tensor.zeros(arena, DType.F32, training.model().parameters().named(parameter).shape()), 1);
                }
                Set<String> kept = new HashSet<>();
                for (Parameter parameter : training.trained()) {
                    float now = parameter.value().toFloats()[0];
                    assertEquals(now == 2 ? 2 : 1.5f, now, parameter.name());
                    if (now == 2 && parameter.shape().rank() > 1) {
                        kept.add(parameter.name());
                    }
                }
                assertEquals(embeddings ? Set.of() : Set.of(tiny == TinyModel.LLAMA ? "model.embed_tokens.weight" : "embed.weight"), kept);
                return null;
            });
        }
    }

    private static void fill(Tensor value) {
        for (long i = 0; value.dtype() == DType.F32 && i < value.shape().size(); i++) {
            value.data().setAtIndex(JAVA_FLOAT, i, 2);
        }
    }
}
