package dev.xiaolu.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.shape.DType;
import dev.xiaolu.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ShardedSafetensorsTest {
    private static final String INDEX = "model.safetensors.index.json";

    @TempDir Path folder;
    private final Arena arena = Arena.ofConfined();

    @AfterEach void free() {
        arena.close();
    }

    private Map<String, Tensor> fourTensors() {
        var tensors = new LinkedHashMap<String, Tensor>();
        for (int i = 0; i < 4; i++) {
            tensors.put("layers." + i, Tensors.random(arena, i, DType.F32, 5, 5));        // 100 bytes each
        }
        return tensors;
    }

    private String refusal() {
        return assertThrows(InputException.class, () -> TensorSource.open(folder).close()).getMessage();
    }

    @Test void shardsHoldWhatFitsAndTogetherEverything() {
        var tensors = fourTensors();
        tensors.put("large", Tensors.random(arena, 9, DType.F32, 100));
        var files = ShardedSafetensors.write(Disk.real(), folder, tensors, Map.of("format", "pt"), 250);
        assertEquals(List.of("model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors", INDEX), files);
        try (var found = TensorSource.open(folder)) {
            assertTrue(Tensors.same(tensors, found));
            assertEquals(tensors.get("large").type(), found.type("large"));
        }
    }

    @Test void tensorsMadeOneByOneGiveTheSameFiles() throws IOException {
        var tensors = fourTensors();
        var files = ShardedSafetensors.write(Disk.real(), folder, tensors, Map.of("format", "pt"), 250);
        Path other = Files.createDirectories(folder.resolve("other"));
        assertEquals(files, ShardedSafetensors.write(Disk.real(), other, Safetensors.types(tensors), tensors::get, Map.of("format", "pt"), 250));
        for (String file : files) {
            assertEquals(-1, Files.mismatch(folder.resolve(file), other.resolve(file)), file);
        }
        var wrong = Map.of("layers.0", tensors.get("layers.0").reshape(25).type());
        assertTrue(assertThrows(IllegalArgumentException.class, () -> ShardedSafetensors.write(Disk.real(), other, wrong, tensors::get, Map.of(), 250)).getMessage()
                .contains("tensor 'layers.0' is F32 [5, 5], but F32 [25] was said"));
    }

    @Test void littleGoesIntoOneFileWithoutIndex() {
        var tensors = fourTensors();
        assertEquals(List.of("model.safetensors"), ShardedSafetensors.write(Disk.real(), folder, tensors, Map.of(), 1 << 20));
        try (var found = TensorSource.open(folder)) {
            assertInstanceOf(Safetensors.class, found);
            assertTrue(Tensors.same(tensors, found));
        }
    }

    @Test void folderWithoutTensorsSaysWhatItLacks() {
        assertEquals(folder + ": holds neither model.safetensors nor model.safetensors.index.json", refusal());
    }

    @ParameterizedTest
    @ValueSource(strings = {"../model.safetensors", "/etc/model.safetensors", "a/b.safetensors", "a\\\\b.safetensors", "c:x.safetensors", "", "..", ".hidden.safetensors", "passwd"})
    void shardOutsideTheFolderIsRefused(String name) throws IOException {
        Files.writeString(folder.resolve(INDEX), "{\"weight_map\":{\"w\":\"%s\"}}".formatted(name));
        assertTrue(refusal().endsWith("wanted the plain name of a .safetensors file in the same folder"), refusal());
    }

    @Test void missingShardIsNamed() throws IOException {
        ShardedSafetensors.write(Disk.real(), folder, fourTensors(), Map.of(), 200);
        Files.delete(folder.resolve("model-00002-of-00002.safetensors"));
        assertEquals(folder.resolve(INDEX) + ": shard model-00002-of-00002.safetensors is missing from the folder", refusal());
    }

    @Test void missingAndSurplusTensorsAreAllNamed() throws IOException {
        ShardedSafetensors.write(Disk.real(), folder, fourTensors(), Map.of(), 200);
        Path index = folder.resolve(INDEX);
        Files.writeString(index, Files.readString(index).replace("layers.0", "layers.9")
            .replaceFirst("\"layers.2\": \"model-00002-of-00002", "\"layers.2\": \"model-00001-of-00002"));
        String refusal = refusal();
        assertTrue(refusal.contains("tensor 'layers.9' is missing from shard model-00001-of-00002.safetensors"), refusal);
        assertTrue(refusal.contains("shard model-00001-of-00002.safetensors holds tensor 'layers.0', which the index does not name"), refusal);
        assertTrue(refusal.contains("holds tensor 'layers.2', which the index places in model-00001-of-00002.safetensors"), refusal);
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "{\"weight_map\":[]}", "{\"weight_map\":{}}", "{\"weight_map\":{\"w\":3}}", "[]", "{\"weight_map\":", "", "{\"weight_map\":{\"w\":\"a.safetensors\",\"w\":\"a.safetensors\"}}"})
    void indexThatSaysNothingIsRefused(String json) throws IOException {
        Files.writeString(folder.resolve(INDEX), json);
        assertTrue(refusal().startsWith(folder.resolve(INDEX) + ": "), refusal());
    }
}
