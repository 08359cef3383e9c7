package dev.xiaolu.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.xiaolu.op.Cast;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.store.Safetensors;
import dev.xiaolu.store.TensorSource;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class FiniteWeightsTest {
    private static final Path FILE = Path.of("model.safetensors");
    private static final int ROWS = 301;
    private static final int COLUMNS = 113;                      // two blocks of the search and a part of one, of an odd length

    @TempDir Path folder;

    private static Tensor largest(Arena arena) {
        Tensor weights = Tensor.zeros(arena, DType.F32, Shape.of(ROWS, COLUMNS));
        float[] finite = {Float.MAX_VALUE, -Float.MAX_VALUE, Float.MIN_VALUE, -Float.MIN_VALUE, 0, -0f, 1, -Float.MIN_NORMAL};
        for (int i = 0; i < ROWS * COLUMNS; i++) {
            weights.setFloat(finite[i % finite.length], i / COLUMNS, i % COLUMNS);
        }
        return weights;
    }

    @Test void everyFiniteNumberPasses() {
        try (Arena arena = Arena.ofConfined()) {
            FiniteWeights.check(FILE, "w", -1, 0, largest(arena));
        }
    }

    @Test void theFirstThatIsNotFiniteIsToldWhereverItIs() {
        float[] bad = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.intBitsToFloat(0xFFFF_FFFF), Float.intBitsToFloat(0x7F80_0001)};
        String[] told = {"NaN", "Infinity", "-Infinity", "NaN", "NaN"};
        try (Arena arena = Arena.ofConfined()) {
            for (int i : new int[] {0, 1, 16_383, 16_384, 32_767, 32_768, ROWS * COLUMNS - 1}) {
                for (int which = 0; which < bad.length; which++) {
                    Tensor weights = largest(arena);
                    weights.setFloat(bad[which], i / COLUMNS, i % COLUMNS);
                    weights.setFloat(Float.NaN, ROWS - 1, COLUMNS - 1);
                    String found = i == ROWS * COLUMNS - 1 ? "NaN" : told[which];
                    String message = assertThrows(InputException.class, () -> FiniteWeights.check(FILE, "w", 3, 1000, weights)).getMessage();
                    String wanted = "model.safetensors: tensor w: element [3, %d, %d] is %s, wanted finite weights".formatted(1000 + i / COLUMNS, i % COLUMNS, found);
                    assertEquals(wanted, message.substring(0, Math.min(wanted.length(), message.length())));
                }
            }
        }
    }

    /// What is read under published names, of whatever family, is looked at while it becomes F32.
    @ParameterizedTest @EnumSource(value = DType.class, names = {"F32", "BF16"})
    void aSourceIsReadWithoutThem(DType dtype) {
        try (Backend backend = Backends.open("auto", 2); Scratch scratch = new Scratch(); Arena arena = Arena.ofShared()) {
            Compute.call(backend, scratch, () -> {
                Tensor sound = Tensor.zeros(arena, DType.F32, Shape.of(5));
                sound.setFloat(1.5f, 3);
                Tensor damaged = Tensor.zeros(arena, DType.F32, Shape.of(5));
                damaged.setFloat(Float.NEGATIVE_INFINITY, 3);
                Path file = folder.resolve("model.safetensors");
                Safetensors.write(Disk.real(), file, Map.of("sound", Compute.one(new Cast(dtype), sound), "damaged", Compute.one(new Cast(dtype), damaged)), Map.of());
                try (TensorSource source = TensorSource.open(folder)) {
                    var filler = new SourceFiller("model", source);
                    Tensor read = Tensor.zeros(arena, DType.F32, Shape.of(5));
                    filler.fill("sound", read, new Filler.Constant(0));
                    assertArrayEquals(sound.toFloats(), read.toFloats());
                    String message = assertThrows(InputException.class, () -> filler.fill("damaged", read, new Filler.Constant(0))).getMessage();
                    assertEquals(file + ": tensor damaged: element [3] is -Infinity", message.substring(0, message.indexOf(", wanted finite weights")));
                }
                return null;
            });
        }
    }
}
