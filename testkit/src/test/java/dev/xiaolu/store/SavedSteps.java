package dev.xiaolu.store;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/// Checkpoints of a run whose every byte follows from the step, so that a mixture of two steps shows.
final class SavedSteps {
    /// So small that the weights need two shards and an index.
    static final long SHARD_BYTES = 160;

    private SavedSteps() {}

    static CheckpointStore store(Disk disk, Path run, CheckpointStore.Keep keep) {
        return new CheckpointStore(disk, run, keep, SHARD_BYTES);
    }

    static Checkpoint save(CheckpointStore store, long step) {
        return save(store, step, 1);
    }

    /// Saves a step; `scale` blows the weights up.
    static Checkpoint save(CheckpointStore store, long step, int scale) {
        try (Arena arena = Arena.ofConfined()) {
            return store.save(contents(arena, step, scale));
        }
    }

    static Checkpoint.Contents contents(Arena arena, long step, int scale) {
        var weights = new LinkedHashMap<String, Tensor>();
        var digests = new LinkedHashMap<String, TensorDigest>();
        for (String name : new String[] {"embed", "layers.0", "layers.1"}) {
            weights.put(name, tensor(arena, name, step, scale * 24));
            digests.put(name, new TensorDigest(weights.get(name).type(), step, RandomKey.ofSeed(step).at(name).word()));
        }
        var optimizer = Map.of("m", tensor(arena, "m", step, scale * 16), "v", tensor(arena, "v", step, scale * 16));
        var files = Map.of("config.json", config(step), "tokenizer.json", "{}".getBytes(StandardCharsets.UTF_8));
        return new Checkpoint.Contents(step, weights, optimizer, digests, chain(step), files, Map.of("counter", step, "note", "für später"));
    }

    private static byte[] config(long step) {
        return ConfigJson.toBytes(Map.of("step", step));
    }

    private static DigestChain chain(long step) {
        return DigestChain.START.next(step, "ab".repeat(32));
    }

    private static Tensor tensor(Arena arena, String name, long step, int size) {
        RandomKey key = RandomKey.ofSeed(step).at(name);
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = key.uniform(i);
        }
        return Tensor.of(arena, Shape.of(size), values);
    }

    /// Fails unless every byte of the checkpoint belongs to its step.
    static void assertWhole(Checkpoint checkpoint) {
        long step = checkpoint.step();
        assertArrayEquals(config(step), checkpoint.file("config.json"));
        assertEquals(chain(step), checkpoint.manifest().chain());
        assertEquals(step, checkpoint.manifest().extra().get("counter").longValue());
        try (Arena arena = Arena.ofConfined(); var weights = checkpoint.weights(); var optimizer = checkpoint.optimizer()) {
            assertEquals(3, weights.names().size());
            assertEquals(2, optimizer.names().size());
            for (var source : new TensorSource[] {weights, optimizer}) {
                for (String name : source.names()) {
                    float[] found = source.tensor(name).toFloats();
                    assertArrayEquals(tensor(arena, name, step, found.length).toFloats(), found, name);
                }
            }
        }
    }
}
