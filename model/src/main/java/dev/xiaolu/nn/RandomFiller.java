package dev.xiaolu.nn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

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
            case Table(int ids) -> deal(key.at(name), ids, value);
        }
    }

    /// Rows are dealt from packs: pack `p` is a permutation of all ids, drawn from the key at `p`, and serves as many rows as it fills whole.
    private static void deal(RandomKey key, int ids, Tensor table) {
        int width = (int) table.shape().last();
        int rows = ids / width;
        int[] pack = new int[ids];
        for (long row = 0; row < table.shape().rows(); row++) {
            if (row % rows == 0) {
                shuffle(key.at(row / rows), pack);
            }
            for (int i = 0; i < width; i++) {
                table.data().setAtIndex(JAVA_INT, row * width + i, pack[(int) (row % rows) * width + i]);
            }
        }
    }

    private static void shuffle(RandomKey key, int[] pack) {
        for (int i = 0; i < pack.length; i++) {
            int j = (int) Long.remainderUnsigned(key.bits(i), i + 1);
            pack[i] = pack[j];
            pack[j] = i;
        }
    }
}
