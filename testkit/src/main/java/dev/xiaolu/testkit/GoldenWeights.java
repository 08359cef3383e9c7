package dev.xiaolu.testkit;

import static dev.xiaolu.platform.Check.check;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;

/// Weights of golden models as a function of a tensor's published name and an element's index, so that no checkpoint is stored.
///
/// Element `i` comes from output `i` of SplitMix64 whose seed is the 64-bit FNV-1a hash of the name's UTF-8 bytes. The upper 24 bits give `u` from -0.5
/// (inclusive) to 0.5, and the value is `centre + spread · u`, computed in fp64 and rounded once. `testkit/recorders/golden_weights.py` makes the same bits.
public final class GoldenWeights {
    private static final long FNV_BASIS = 0xCBF29CE484222325L;
    private static final long FNV_PRIME = 0x100000001B3L;
    private static final long WEYL = 0x9E3779B97F4A7C15L;

    private GoldenWeights() {}

    /// Fills one parameter or table of a model, whose name is ours: the experts of a layer, of three axes here, are published one by one; `ids` experts are in the reach of a table, I32.
    public static void fill(String name, Tensor value, int ids) {
        try (Arena arena = Arena.ofConfined()) {
            if (value.dtype() == DType.I32) {
                Tensor table = expertsOfTokens(arena, name, (int) value.shape().axis(0), (int) value.shape().axis(1), ids);
                for (long i = 0; i < value.shape().size(); i++) {
                    value.data().setAtIndex(JAVA_INT, i, (int) table.data().getAtIndex(JAVA_LONG, i));
                }
            } else if (value.shape().rank() == 3) {
                for (int expert = 0; expert < value.shape().axis(0); expert++) {
                    Tensor one = value.at(expert);
                    one.data().copyFrom(tensor(arena, name.replace(".experts.", ".experts." + expert + "."), one.shape()).data().asSlice(0, one.type().bytes()));
                }
            } else {
                value.data().copyFrom(tensor(arena, name, value.shape()).data().asSlice(0, value.type().bytes()));
            }
        }
    }

    /// The F32 tensor of this name, in `arena`; centre and spread depend on the last part of the name.
    public static Tensor tensor(Arena arena, String name, Shape shape) {
        Kind kind = Kind.of(name, shape);
        long hash = hash(name);
        Tensor tensor = Tensor.zeros(arena, DType.F32, shape);
        for (long i = 0; i < shape.size(); i++) {
            tensor.data().setAtIndex(JAVA_FLOAT, i, (float) (kind.centre + kind.spread * unit(hash, i)));
        }
        return tensor;
    }

    /// A table I64 `[tokens, chosen]` of experts, distinct in a row: the first places of a Fisher-Yates shuffle of all of them.
    public static Tensor expertsOfTokens(Arena arena, String name, int tokens, int chosen, int experts) {
        check(chosen <= experts, "%s: %d distinct experts of %d", name, chosen, experts);
        long hash = hash(name);
        Tensor table = Tensor.zeros(arena, DType.I64, Shape.of(tokens, chosen));
        for (int token = 0; token < tokens; token++) {
            long[] shuffled = new long[experts];
            for (int i = 0; i < experts; i++) {
                shuffled[i] = i;
            }
            for (int place = 0; place < chosen; place++) {
                long index = (long) token * chosen + place;
                int other = place + (int) ((bits(hash, index) >>> 40) % (experts - place));
                long drawn = shuffled[other];
                shuffled[other] = shuffled[place];
                shuffled[place] = drawn;
                table.data().setAtIndex(JAVA_LONG, index, drawn);
            }
        }
        return table;
    }

    /// FNV-1a, 64 bits.
    static long hash(String name) {
        long hash = FNV_BASIS;
        for (byte b : name.getBytes(StandardCharsets.UTF_8)) {
            hash = (hash ^ b & 0xFF) * FNV_PRIME;
        }
        return hash;
    }

    /// Output `index`, counted from 0, of SplitMix64 with this seed.
    static long bits(long seed, long index) {
        return RandomKey.mix(seed + (index + 1) * WEYL);
    }

    private static double unit(long seed, long index) {
        return (bits(seed, index) >>> 40) * 0x1p-24 - 0.5;
    }

    /// What the values of a tensor look like. A matrix keeps the size of what it multiplies: its spread is 4 over the root of its columns.
    private record Kind(double centre, double spread) {
        static Kind of(String name, Shape shape) {
            String path = name.endsWith(".weight") ? name.substring(0, name.length() - ".weight".length()) : name;
            String leaf = path.substring(path.lastIndexOf('.') + 1);
            if (leaf.endsWith("norm")) {
                return new Kind(1, 0.2);
            }
            if (leaf.endsWith("_scale")) {
                return new Kind(0.3, 0.2);
            }
            if (leaf.endsWith("_base")) {
                return new Kind(0, 1);
            }
            return switch (leaf) {
                case "ape", "attn_sink" -> new Kind(0, 1);
                case "bias" -> new Kind(0, 0.2);
                case "embed" -> new Kind(0, 4);
                default -> new Kind(0, 4 / Math.sqrt(shape.last()));
            };
        }
    }
}
