package dev.xiaolu.store;

import static dev.xiaolu.platform.Check.check;
import static dev.xiaolu.platform.Check.checkInput;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.DiskException;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/// One `.safetensors` file: 8 bytes of header length, a JSON header, then the tensors' bytes, little-endian.
///
/// A file is hostile until its header is checked, and the check is complete: nothing is read outside the file. Tensors are views on the mapped
/// file, or copies where the file places them off their natural alignment. The file must not shrink while it is open.
public final class Safetensors implements TensorSource {
    /// The longest header that is read, as the format demands.
    static final long MAX_HEADER_BYTES = 100_000_000;

    private static final long CHUNK = 1 << 20;

    private final Path file;
    private final Arena arena;
    private final MemorySegment data;
    private final SafetensorsHeader header;
    private final boolean lent;

    private Safetensors(Path file, Arena arena, boolean lent, MemorySegment data, SafetensorsHeader header) {
        this.file = file;
        this.arena = arena;
        this.lent = lent;
        this.data = data;
        this.header = header;
    }

    /// Maps and checks a file.
    public static Safetensors open(Path file) {
        return open(Disk.real(), file);
    }

    /// Maps and checks a file.
    public static Safetensors open(Disk disk, Path file) {
        Arena arena = Arena.ofShared();
        try {
            return open(disk, file, arena, false);
        } catch (Throwable refused) {
            arena.close();
            throw refused;
        }
    }

    /// Maps and checks a file whose tensors live as long as `arena`; closing does nothing.
    public static Safetensors open(Disk disk, Path file, Arena arena) {
        return open(disk, file, arena, true);
    }

    private static Safetensors open(Disk disk, Path file, Arena arena, boolean lent) {
        checkInput(disk.exists(file), "%s: no such file, wanted a safetensors file", file);
        MemorySegment all = disk.map(file, arena);
        checkInput(all.byteSize() >= 8, "%s: %d bytes, wanted at least 8; the file is cut short", file, all.byteSize());
        long length = all.get(JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 0);
        checkInput(length >= 0 && length <= MAX_HEADER_BYTES, "%s: the header has %s bytes, wanted at most %d; not a safetensors file, or a damaged one",
            file, Long.toUnsignedString(length), MAX_HEADER_BYTES);
        checkInput(length <= all.byteSize() - 8, "%s: the header has %d bytes, but only %d follow; the file is cut short", file, length, all.byteSize() - 8);
        byte[] json = all.asSlice(8, length).toArray(JAVA_BYTE);
        MemorySegment data = all.asSlice(8 + length);
        return new Safetensors(file, arena, lent, data, SafetensorsHeader.parse(file.toString(), json, data.byteSize()));
    }

    @Override public Set<String> names() {
        return Collections.unmodifiableSet(header.entries().keySet());
    }

    /// The free texts that came with the file.
    public Map<String, String> metadata() {
        return Collections.unmodifiableMap(header.metadata());
    }

    @Override public TensorType type(String name) {
        return entry(name).type();
    }

    @Override public Tensor tensor(String name) {
        var entry = entry(name);
        MemorySegment bytes = data.asSlice(entry.begin(), entry.end() - entry.begin());
        DType dtype = entry.type().dtype();
        if (dtype == DType.BOOL) {
            checkBooleans(name, bytes);
        }
        if (bytes.address() % dtype.bytes() != 0) {
            bytes = arena.allocate(Math.max(1, bytes.byteSize()), 64).copyFrom(bytes).asReadOnly();
        }
        return Tensor.of(entry.type(), bytes);
    }

    @Override public Path file(String name) {
        entry(name);
        return file;
    }

    private SafetensorsHeader.Entry entry(String name) {
        var entry = header.entries().get(name);
        checkInput(entry != null, "%s: no tensor '%s' among its %d", file, name, header.entries().size());
        return entry;
    }

    private void checkBooleans(String name, MemorySegment bytes) {
        for (long i = 0; i < bytes.byteSize(); i++) {
            byte value = bytes.get(JAVA_BYTE, i);
            checkInput((value & ~1) == 0, "%s: tensor '%s' of BOOL holds the byte %d at %d, wanted 0 or 1", file, name, value, i);
        }
    }

    /// Frees the file and every tensor that came from it, unless they live as long as an arena that was given.
    @Override public void close() {
        if (!lent) {
            arena.close();
        }
    }

    /// Writes a file in one step: what stood there before stays whole until the new bytes are safe on the disk.
    public static void write(Disk disk, Path file, Map<String, Tensor> tensors, Map<String, String> metadata) {
        Path fresh = file.resolveSibling("." + file.getFileName() + ".new");
        try (var out = disk.create(fresh)) {
            write(out, tensors, metadata);
            out.force();
        } catch (DiskException failure) {
            discard(disk, fresh);
            throw failure;
        }
        disk.move(fresh, file);
        disk.forceDirectory(file.toAbsolutePath().getParent());
    }

    private static void discard(Disk disk, Path half) {
        try {
            disk.deleteTree(half);
        } catch (DiskException _) {
            // what made the writing fail is told
        }
    }

    /// Streams the bytes of a file into `out`; views are written as if they were contiguous.
    static void write(Disk.Output out, Map<String, Tensor> tensors, Map<String, String> metadata) {
        write(out, types(tensors), tensors::get, metadata);
    }

    /// The types of these tensors, in their order.
    static Map<String, TensorType> types(Map<String, Tensor> tensors) {
        var types = new LinkedHashMap<String, TensorType>();
        tensors.forEach((name, tensor) -> types.put(name, tensor.type()));
        return types;
    }

    /// The same of tensors that `tensors` makes when they are written, one after the other, of the types that were said; one may die when the next is asked for.
    static void write(Disk.Output out, Map<String, TensorType> types, Function<String, Tensor> tensors, Map<String, String> metadata) {
        check(!types.containsKey(SafetensorsHeader.METADATA), "a tensor cannot be named %s", SafetensorsHeader.METADATA);
        var header = SafetensorsHeader.layOut(types, metadata);
        byte[] json = header.toJson();
        check(json.length <= MAX_HEADER_BYTES, "safetensors: a header of %d bytes, wanted at most %d; write several files", json.length, MAX_HEADER_BYTES);
        out.write(ByteBuffer.allocate(8 + json.length).order(ByteOrder.LITTLE_ENDIAN).putLong(json.length).put(json).flip());
        for (String name : header.entries().keySet()) {
            Tensor tensor = tensors.apply(name);
            check(tensor.type().equals(types.get(name)), "tensor '%s' is %s, but %s was said", name, tensor, types.get(name));
            write(out, tensor);
        }
    }

    private static void write(Disk.Output out, Tensor tensor) {
        if (tensor.isContiguous()) {
            write(out, tensor.data(), tensor.type().bytes());
        } else {
            long rowBytes = tensor.shape().last() * tensor.dtype().bytes();
            long rows = tensor.shape().size() == 0 ? 0 : tensor.shape().rows();
            for (long row = 0; row < rows; row++) {
                write(out, tensor.data().asSlice(tensor.offsetOf(row * tensor.shape().last()) * tensor.dtype().bytes()), rowBytes);
            }
        }
    }

    private static void write(Disk.Output out, MemorySegment segment, long bytes) {
        for (long at = 0; at < bytes; at += CHUNK) {
            out.write(segment.asSlice(at, Math.min(CHUNK, bytes - at)).asByteBuffer());
        }
    }

    /// For example `model.safetensors (12 tensors)`.
    @Override public String toString() {
        return "%s (%d tensors)".formatted(file, header.entries().size());
    }
}
