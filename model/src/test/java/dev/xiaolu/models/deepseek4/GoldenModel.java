package dev.xiaolu.models.deepseek4;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.xiaolu.nn.Filler;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Golden;
import dev.xiaolu.testkit.GoldenWeights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// A model of the golden folder `deepseek4`, its weights generated from their published names.
final class GoldenModel {
    private GoldenModel() {}

    /// Builds the model on the current [dev.xiaolu.tensor.Compute]; what it holds lives in `arena`.
    static DeepSeekV4 of(Golden golden, Arena arena) {
        DeepSeekV4Config config = DeepSeekV4Weights.config(golden.folder().resolve("model"));
        return new DeepSeekV4(config, arena, (name, value, initial) -> fill(config, name, value, initial));
    }

    private static void fill(DeepSeekV4Config config, String name, Tensor value, Filler.Initial initial) {
        try (Arena arena = Arena.ofConfined()) {
            if (initial instanceof Filler.Table) {
                Tensor table = GoldenWeights.expertsOfTokens(arena, name, config.vocabSize(), config.numExpertsPerToken(), config.numRoutedExperts());
                for (long i = 0; i < table.shape().size(); i++) {
                    value.data().setAtIndex(JAVA_INT, i, (int) table.data().getAtIndex(JAVA_LONG, i));
                }
            } else if (value.shape().rank() == 3) {              // the experts of a layer, published one by one
                Shape one = value.shape().part(1, 3);
                for (int expert = 0; expert < value.shape().axis(0); expert++) {
                    Tensor drawn = GoldenWeights.tensor(arena, name.replace(".experts.", ".experts." + expert + "."), one);
                    MemorySegment.copy(drawn.data(), 0, value.data(), expert * drawn.type().bytes(), drawn.type().bytes());
                }
            } else {
                value.data().copyFrom(GoldenWeights.tensor(arena, name, value.shape()).data());
            }
        }
    }
}
