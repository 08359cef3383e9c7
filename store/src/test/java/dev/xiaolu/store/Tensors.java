package dev.xiaolu.store;

import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/// Tensors with random bits, and their comparison.
final class Tensors {
    private Tensors() {}

    static Tensor random(Arena arena, long seed, DType dtype, long... sizes) {
        Tensor tensor = Tensor.zeros(arena, dtype, Shape.of(sizes));
        RandomKey key = RandomKey.ofSeed(seed);
        for (long i = 0; i < tensor.type().bytes(); i++) {
            byte bits = (byte) key.bits(i);
            tensor.data().set(ValueLayout.JAVA_BYTE, i, dtype == DType.BOOL ? (byte) (bits & 1) : bits);
        }
        return tensor;
    }

    /// One tensor of each type and of several awkward shapes.
    static Map<String, Tensor> ofEveryType(Arena arena, long seed) {
        var tensors = new LinkedHashMap<String, Tensor>();
        for (DType dtype : DType.values()) {
            tensors.put("of." + dtype, random(arena, seed + dtype.ordinal(), dtype, 3, 5));
        }
        tensors.put("scalar", random(arena, seed + 90, DType.F32));
        tensors.put("empty", random(arena, seed + 91, DType.F32, 4, 0));
        tensors.put("a \"quoted\" ünïcode 名字", random(arena, seed + 92, DType.BF16, 7));
        return tensors;
    }

    static boolean same(Tensor a, Tensor b) {
        return a.type().equals(b.type()) && Arrays.equals(bytes(a), bytes(b));
    }

    static boolean same(Map<String, Tensor> wanted, TensorSource found) {
        return wanted.keySet().equals(found.names())
            && wanted.entrySet().stream().allMatch(e -> same(e.getValue(), Objects.requireNonNull(found.tensor(e.getKey()))));
    }

    static byte[] bytes(Tensor tensor) {
        int size = tensor.dtype().bytes();
        byte[] bytes = new byte[Math.toIntExact(tensor.type().bytes())];
        for (int i = 0; i < bytes.length; i += size) {
            MemorySegment.copy(tensor.data(), ValueLayout.JAVA_BYTE, tensor.offsetOf(i / size) * size, bytes, i, size);
        }
        return bytes;
    }
}
