package dev.xiaolu.nn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.xiaolu.op.RandomNormal;
import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;

/// Draws parameters: each a function of the run's seed and its own name, so that neither the order of modules nor the number of ranks matters.
///
/// @param key the key of initialisation
public record RandomFiller(RandomKey key) implements Filler {
    @Override public void fill(String name, Tensor value, Initial initial) {
        switch (initial) {
            case Constant(float constant) -> {
                for (long i = 0; i < value.shape().size(); i++) {
                    value.data().setAtIndex(JAVA_FLOAT, i, constant);
                }
            }
            case Normal(float std) -> Compute.run(new RandomNormal(std, key.at(name).word()), value);
        }
    }
}
