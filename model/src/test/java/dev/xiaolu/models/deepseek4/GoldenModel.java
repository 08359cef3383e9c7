package dev.xiaolu.models.deepseek4;

import dev.xiaolu.nn.Filler;
import dev.xiaolu.testkit.Golden;
import dev.xiaolu.testkit.GoldenWeights;
import java.lang.foreign.Arena;

/// A model of the golden folder `deepseek4`, its weights generated from their published names.
final class GoldenModel {
    private GoldenModel() {}

    /// Builds the model on the current [dev.xiaolu.tensor.Compute]; what it holds lives in `arena`.
    static DeepSeekV4 of(Golden golden, Arena arena) {
        DeepSeekV4Config config = DeepSeekV4Weights.config(golden.folder().resolve("model"));
        return new DeepSeekV4(config, arena, (name, value, initial) -> GoldenWeights.fill(name, value, initial instanceof Filler.Table(int ids) ? ids : 0));
    }
}
