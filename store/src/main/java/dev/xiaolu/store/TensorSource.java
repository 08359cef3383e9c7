package dev.xiaolu.store;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Set;

/// Named tensors that lie somewhere, usually in mapped files: looked at by type first and read when asked for.
///
/// The tensors are read-only views that die with [#close]. Thread-safe, but for [#close].
public interface TensorSource extends AutoCloseable {
    /// All names, in the order of the files.
    Set<String> names();

    /// Element type and shape of a tensor; refuses an unknown name.
    TensorType type(String name);

    /// A contiguous tensor; refuses an unknown name.
    Tensor tensor(String name);

    /// The file that a tensor lies in, for messages about its contents; refuses an unknown name.
    Path file(String name);

    @Override void close();

    /// Opens a `.safetensors` file, or a folder that holds `model.safetensors` or `model.safetensors.index.json` with its shards.
    static TensorSource open(Path path) {
        Disk disk = Disk.real();
        return disk.isDirectory(path) ? ShardedSafetensors.open(disk, path, "model") : Safetensors.open(disk, path);
    }

    /// The same with tensors that live as long as `arena`; closing does nothing.
    static TensorSource open(Path path, Arena arena) {
        Disk disk = Disk.real();
        return disk.isDirectory(path) ? ShardedSafetensors.open(disk, path, "model", arena) : Safetensors.open(disk, path, arena);
    }
}
