package dev.xiaolu.store;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.op.Numerics;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CheckpointStoreTest {
    @TempDir Path run;

    private CheckpointStore store(int newest, long every) {
        return SavedSteps.store(Disk.real(), run, new CheckpointStore.Keep(newest, every));
    }

    private Path path(long step, String file) {
        return run.resolve("checkpoints/step-%06d/%s".formatted(step, file));
    }

    private void flip(Path file, int at) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        bytes[at] ^= 4;
        Files.write(file, bytes);
    }

    @Test void savedCheckpointIsFoundWholeWithAllItsFiles() throws IOException {
        SavedSteps.save(store(3, 0), 120);
        var newest = store(3, 0).newestVerified(2);
        SavedSteps.assertWhole(newest.whole().orElseThrow());
        assertEquals("", newest.warning());
        assertEquals("step-120", newest.whole().get().label());
        try (var files = Files.list(run.resolve("checkpoints/step-000120"))) {
            assertEquals(List.of("config.json", "manifest.json", "model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors",
                "model-00003-of-00003.safetensors", "model.safetensors.index.json", "optimizer.safetensors", "tokenizer.json"),
                files.map(file -> file.getFileName().toString()).sorted().toList());
        }
    }

    @Test void sameContentsGiveTheSameBytes() throws IOException {
        var first = SavedSteps.save(store(3, 0), 7);
        var second = SavedSteps.save(SavedSteps.store(Disk.real(), run.resolve("other"), CheckpointStore.Keep.ALL), 7);
        assertEquals(Files.readString(first.folder().resolve(Manifest.FILE)), Files.readString(second.folder().resolve(Manifest.FILE)));
    }

    @Test void runWithoutCheckpointsHasNoNewest() {
        var newest = store(3, 0).newest();
        assertTrue(newest.whole().isEmpty());
        assertEquals("", newest.warning());
        assertEquals(List.of(), store(3, 0).steps());
    }

    @Test void newestAndEveryNthAreKept() {
        var store = store(2, 30);
        for (long step = 10; step <= 100; step += 10) {
            SavedSteps.save(store, step);
        }
        assertEquals(List.of(30L, 60L, 90L, 100L), store.steps());
    }

    @Test void damagedCheckpointsDoNotCountAsKept() throws IOException {
        var store = store(2, 0);
        SavedSteps.save(store, 10);
        SavedSteps.save(store, 20);
        Files.delete(path(20, "config.json"));
        SavedSteps.save(store, 30);
        assertEquals(List.of(10L, 20L, 30L), store.steps());
        SavedSteps.save(store, 40);
        assertEquals(List.of(30L, 40L), store.steps());
    }

    @Test void shortShardIsNamedAndTheOneBeforeIsTaken() throws IOException {
        SavedSteps.save(store(3, 0), 100);
        SavedSteps.save(store(3, 0), 120);
        Path shard = path(120, "optimizer.safetensors");
        byte[] bytes = Files.readAllBytes(shard);
        Files.write(shard, Arrays.copyOf(bytes, 40));
        var newest = store(3, 0).newest();
        assertEquals(100, newest.whole().orElseThrow().step());
        assertEquals("checkpoint step-120: shard optimizer.safetensors has 40 bytes, wanted %d; newest whole checkpoint is step-100".formatted(bytes.length), newest.warning());
    }

    @ParameterizedTest
    @ValueSource(strings = {"model-00002-of-00003.safetensors", "model.safetensors.index.json", "optimizer.safetensors", "config.json", "tokenizer.json", "manifest.json"})
    void damageOfEachFileIsFoundAndNamed(String name) throws IOException {
        SavedSteps.save(store(3, 0), 100);
        SavedSteps.save(store(3, 0), 120);
        byte[] whole = Files.readAllBytes(path(120, name));
        for (int at = 0; at < whole.length; at += Math.max(1, whole.length / 40)) {
            flip(path(120, name), at);
            var newest = store(3, 0).newestVerified(2);
            assertEquals(100, newest.whole().orElseThrow().step());
            assertTrue(newest.warning().contains(name) && newest.warning().contains("step-120"), newest.warning());
            Files.write(path(120, name), whole);
        }
        Files.delete(path(120, name));
        var newest = store(3, 0).newest();
        assertEquals(100, newest.whole().orElseThrow().step());
        assertTrue(newest.warning().endsWith(name + " is missing; newest whole checkpoint is step-100"), newest.warning());
    }

    @Test void manifestCutAnywhereIsRefused() throws IOException {
        SavedSteps.save(store(3, 0), 120);
        byte[] whole = Files.readAllBytes(path(120, Manifest.FILE));
        for (int length = 0; length < whole.length; length += 7) {
            Files.write(path(120, Manifest.FILE), Arrays.copyOf(whole, length));
            var newest = store(3, 0).newest();
            assertTrue(newest.whole().isEmpty());
            assertTrue(newest.warning().endsWith("; no whole checkpoint is left"), newest.warning());
        }
    }

    @Test void manifestThatIsSealedButStrangeIsRefused() throws IOException {
        SavedSteps.save(store(3, 0), 120);
        String whole = Files.readString(path(120, Manifest.FILE));
        for (var change : Map.of("\"tokenizer.json\"", "\"../escape\"", "\"format\": 1", "\"format\": 2", "\"F32\"", "\"F99\"", "\"arithmetic\": " + Numerics.VERSION, "\"arithmetic\": \"x\"",
                "\"step\": 120", "\"stop\": 120", "[ 24 ]", "[ -24 ]").entrySet()) {
            String body = whole.substring(0, whole.lastIndexOf(",\n")).replace(change.getKey(), change.getValue());
            assertFalse(whole.startsWith(body), change.getKey());
            Files.writeString(path(120, Manifest.FILE), body + ",\n  \"manifest_sha256\": \"" + Sha256.hex(body.getBytes(UTF_8)) + "\"\n}\n");
            var newest = store(3, 0).newest();
            assertTrue(newest.whole().isEmpty() && newest.warning().startsWith("checkpoint step-120: manifest.json "), newest.warning());
        }
    }

    @Test void sameStepAgainTakesThePlace() {
        SavedSteps.save(store(3, 0), 120);
        SavedSteps.save(store(3, 0), 120, 2);
        var checkpoint = store(3, 0).newestVerified(1).whole().orElseThrow();
        try (var weights = checkpoint.weights()) {
            assertEquals(48, weights.type("embed").shape().size());
        }
        assertEquals(1, Disk.real().list(run.resolve("checkpoints")).size());
    }

    @Test void leftoversOfKilledSavesAreRemovedAndStrangersStay() throws IOException {
        SavedSteps.save(store(3, 0), 10);
        for (String name : new String[] {".saving-step-000020", ".retired-step-000005", "notes", "step-20", "step-0000030"}) {
            Files.createDirectories(run.resolve("checkpoints").resolve(name));
            Files.writeString(run.resolve("checkpoints").resolve(name).resolve("file"), "x");
        }
        Files.move(run.resolve("checkpoints/step-000010"), run.resolve("checkpoints/.replaced-step-000010"));
        store(3, 0).tidy();
        assertEquals(List.of("notes", "step-0000030", "step-000010", "step-20"), Disk.real().list(run.resolve("checkpoints")).stream().map(p -> p.getFileName().toString()).toList());
        SavedSteps.assertWhole(store(3, 0).newestVerified(1).whole().orElseThrow());
    }

    /// Two write a part each, the one with the first weight and all of the optimizer, the other with the rest.
    private final class Pair implements AutoCloseable {
        final Arena arena = Arena.ofConfined();
        final Checkpoint.Contents all = SavedSteps.contents(arena, 9, 1);
        final CheckpointStore store = store(3, 0);
        final CheckpointParts parts = store.divided(List.of(CheckpointParts.Part.of(Map.of("embed", all.weights().get("embed")), all.optimizer()),
            CheckpointParts.Part.of(new TreeMap<>(Map.of("layers.0", all.weights().get("layers.0"), "layers.1", all.weights().get("layers.1"))), Map.of())));

        Map<String, FileSeal> write(int part) {
            return store.writePart(9, "a", parts, part, all.weights()::get, all.optimizer()::get);
        }

        @Override public void close() {
            arena.close();
        }
    }

    @Test void checkpointThatTwoWriteIsWholeOnceItIsEnded() throws IOException {
        try (var pair = new Pair()) {
            var seals = new TreeMap<>(pair.write(1));                // before it is begun, as may be
            Files.createDirectories(run.resolve("checkpoints/.saving-step-000008-b"));
            Files.createDirectories(run.resolve("checkpoints/.saving-step-000008-c"));
            pair.store.begin(9, "a", Set.of("a", "c"));
            assertEquals(List.of(".saving-step-000008-c", ".saving-step-000009-a"), Disk.real().list(run.resolve("checkpoints")).stream().map(path -> path.getFileName().toString()).toList());
            seals.putAll(pair.write(0));
            assertEquals(List.of(), pair.store.steps());
            pair.store.end("a", pair.parts, seals, pair.all.head());
            SavedSteps.assertWhole(store(3, 0).newestVerified(1).whole().orElseThrow());
        }
    }

    @Test void checkpointOfWhichAPartIsNotThereIsRefusedByTheNameOfItsFile() throws IOException {
        SavedSteps.save(store(3, 0), 8);
        try (var pair = new Pair()) {
            pair.store.begin(9, "a", Set.of("a"));
            var seals = new TreeMap<>(pair.write(0));
            seals.putAll(pair.write(1));
            String file = pair.parts.files(1).iterator().next();
            Files.delete(run.resolve("checkpoints/.saving-step-000009-a").resolve(file));
            String refusal = assertThrows(CheckpointNotSavedException.class, () -> pair.store.end("a", pair.parts, seals, pair.all.head())).getMessage();
            assertTrue(refusal.startsWith("checkpoint step-9 is not saved: ") && refusal.contains(file + ": cannot commit: another process has written ")
                && refusal.endsWith("but it is missing here; is the folder of the run the same for all?; the newest whole checkpoint is still step-8"), refusal);
            assertEquals(List.of(8L), pair.store.steps());
            assertFalse(Files.exists(run.resolve("checkpoints/.saving-step-000009-a")), "what is left of it is deleted");
        }
    }

    @Test void filesThatAreNotPlainOrTakenAreRefused() {
        for (String name : new String[] {"../x", "manifest.json", "optimizer/x", ".hidden", ""}) {
            var contents = new Checkpoint.Contents(1, Map.of(), Map.of(), Map.of(), DigestChain.START, Map.of(name, new byte[1]), Map.of());
            assertThrows(IllegalArgumentException.class, () -> store(1, 0).save(contents), name);
        }
    }

    @Test void secondRunInOneFolderIsRefusedAndToldWhoHoldsIt() {
        try (var _ = RunLock.take(Disk.real(), run)) {
            String refusal = assertThrows(InputException.class, () -> RunLock.take(Disk.real(), run)).getMessage();
            assertTrue(refusal.startsWith(run + ": in use by process " + ProcessHandle.current().pid() + ", started 20"), refusal);
            assertTrue(refusal.endsWith("; wait until it ends, or give this run another run.name or run.dir"), refusal);
        }
        RunLock.take(Disk.real(), run).close();
    }
}
