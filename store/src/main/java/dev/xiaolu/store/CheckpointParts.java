package dev.xiaolu.store;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Tensor;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;

/// How the tensors of a checkpoint are divided over those who write it, and into files: the same wherever it is worked out from the same parts. Immutable.
public final class CheckpointParts {
    private final List<ShardedSafetensors.Shard> weights;
    private final List<ShardedSafetensors.Shard> optimizer;

    /// What one of them writes, by name and in order; may be nothing.
    ///
    /// @param weights   by published name
    /// @param optimizer the optimizer's tensors
    public record Part(Map<String, TensorType> weights, Map<String, TensorType> optimizer) {
        /// The part that holds these tensors.
        public static Part of(Map<String, Tensor> weights, Map<String, Tensor> optimizer) {
            return new Part(Safetensors.types(weights), Safetensors.types(optimizer));
        }
    }

    CheckpointParts(List<Part> parts, long maxShardBytes) {
        weights = ShardedSafetensors.divide(Checkpoint.WEIGHTS, parts.stream().map(Part::weights).toList(), maxShardBytes);
        boolean any = parts.stream().anyMatch(part -> !part.optimizer.isEmpty());
        optimizer = any ? ShardedSafetensors.divide(Checkpoint.OPTIMIZER, parts.stream().map(Part::optimizer).toList(), maxShardBytes) : List.of();
    }

    /// The names of the files that hold a part.
    public Set<String> files(int part) {
        var files = new TreeSet<String>();
        weights.stream().filter(shard -> shard.part() == part).forEach(shard -> files.add(shard.file()));
        optimizer.stream().filter(shard -> shard.part() == part).forEach(shard -> files.add(shard.file()));
        return files;
    }

    /// The names of the weights of all parts.
    Set<String> weights() {
        var names = new TreeSet<String>();
        weights.forEach(shard -> names.addAll(shard.tensors().keySet()));
        return names;
    }

    void write(int part, Function<String, Disk.Output> create, Function<String, Tensor> weightOf, Function<String, Tensor> stateOf) {
        weights.stream().filter(shard -> shard.part() == part).forEach(shard -> shard.write(create, weightOf, Map.of("format", "pt")));
        optimizer.stream().filter(shard -> shard.part() == part).forEach(shard -> shard.write(create, stateOf, Map.of()));
    }

    void writeIndexes(Function<String, Disk.Output> create) {
        ShardedSafetensors.writeIndex(create, Checkpoint.WEIGHTS, weights);
        if (!optimizer.isEmpty()) {
            ShardedSafetensors.writeIndex(create, Checkpoint.OPTIMIZER, optimizer);
        }
    }
}
