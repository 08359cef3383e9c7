package dev.xiaolu.store;

import static dev.xiaolu.platform.Check.check;
import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.Faults;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Tensor;
import java.nio.ByteBuffer;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;

/// The tensors of a folder, in one file (`model.safetensors`) or in shards with `model.safetensors.index.json`, which says what lies where.
///
/// Index and shards must agree exactly: every tensor of the index in the shard that it names, and no tensor besides.
public final class ShardedSafetensors implements TensorSource {
    private static final int FAULTS_TOLD = 8;

    private final Path index;
    private final Map<String, Safetensors> shardOf;
    private final List<Safetensors> shards;

    private ShardedSafetensors(Path index, Map<String, Safetensors> shardOf, List<Safetensors> shards) {
        this.index = index;
        this.shardOf = shardOf;
        this.shards = shards;
    }

    /// Opens the tensors of `folder` whose files begin with `stem`, usually `model`.
    public static TensorSource open(Disk disk, Path folder, String stem) {
        return open(disk, folder, stem, file -> Safetensors.open(disk, file));
    }

    /// The same with tensors that live as long as `arena`; closing does nothing.
    public static TensorSource open(Disk disk, Path folder, String stem, Arena arena) {
        return open(disk, folder, stem, file -> Safetensors.open(disk, file, arena));
    }

    private static TensorSource open(Disk disk, Path folder, String stem, Function<Path, Safetensors> opened) {
        Path single = folder.resolve(stem + ".safetensors");
        Path index = folder.resolve(stem + ".safetensors.index.json");
        checkInput(disk.exists(folder), "%s: no such folder", folder);
        if (disk.exists(single)) {
            return opened.apply(single);
        }
        checkInput(disk.exists(index), "%s: holds neither %s nor %s", folder, single.getFileName(), index.getFileName());
        Map<String, String> weightMap = weightMap(index.toString(), Json.readObject(index.toString(), disk.read(index)));
        var byFile = new LinkedHashMap<String, Safetensors>();
        try {
            for (String file : new TreeSet<>(weightMap.values())) {
                checkInput(disk.exists(folder.resolve(file)), "%s: shard %s is missing from the folder", index, file);
                byFile.put(file, opened.apply(folder.resolve(file)));
            }
            return new ShardedSafetensors(index, agree(index.toString(), weightMap, byFile), List.copyOf(byFile.values()));
        } catch (Throwable refused) {
            byFile.values().forEach(Safetensors::close);
            throw refused;
        }
    }

    private static Map<String, String> weightMap(String subject, JsonNode json) {
        JsonNode map = json.get("weight_map");
        checkInput(map != null && map.isObject() && !map.isEmpty(), "%s: no weight_map, wanted an object of tensor names and shard files", subject);
        var weightMap = new LinkedHashMap<String, String>();
        for (var entry : map.properties()) {
            checkInput(entry.getValue().isString(), "%s: weight_map '%s' is no text, wanted a shard's file name", subject, entry.getKey());
            String file = entry.getValue().stringValue();
            checkInput(PlainName.is(file) && file.endsWith(".safetensors"),
                "%s: weight_map '%s' is in '%s', wanted the plain name of a .safetensors file in the same folder", subject, entry.getKey(), file);
            weightMap.put(entry.getKey(), file);
        }
        return weightMap;
    }

    private static Map<String, Safetensors> agree(String subject, Map<String, String> weightMap, Map<String, Safetensors> byFile) {
        var faults = new ArrayList<String>();
        var shardOf = new LinkedHashMap<String, Safetensors>();
        byFile.forEach((file, shard) -> shard.names().forEach(name -> {
            if (file.equals(weightMap.get(name))) {
                shardOf.put(name, shard);
            } else {
                faults.add("shard %s holds tensor '%s', which the index %s".formatted(file, name,
                    weightMap.containsKey(name) ? "places in " + weightMap.get(name) : "does not name"));
            }
        }));
        weightMap.forEach((name, file) -> {
            if (!shardOf.containsKey(name)) {
                faults.add("tensor '%s' is missing from shard %s".formatted(name, file));
            }
        });
        var told = new Faults(subject);
        faults.stream().limit(FAULTS_TOLD).forEach(fault -> told.that(false, "%s", fault));
        told.that(faults.size() <= FAULTS_TOLD, "and %d more", faults.size() - FAULTS_TOLD).throwIfAny();
        return shardOf;
    }

    @Override public Set<String> names() {
        return Collections.unmodifiableSet(shardOf.keySet());
    }

    @Override public TensorType type(String name) {
        return shard(name).type(name);
    }

    @Override public Tensor tensor(String name) {
        return shard(name).tensor(name);
    }

    @Override public Path file(String name) {
        return shard(name).file(name);
    }

    private Safetensors shard(String name) {
        Safetensors shard = shardOf.get(name);
        checkInput(shard != null, "%s: no tensor '%s' among its %d", index, name, shardOf.size());
        return shard;
    }

    @Override public void close() {
        shards.forEach(Safetensors::close);
    }

    /// Writes a new folder's tensors under `stem`: one file where they fit into `maxShardBytes`, else shards and their index, filled in the order of the map.
    /// A tensor larger than a shard gets one of its own. Returns the names of the files written, the index last.
    ///
    /// Every file is forced but nothing is renamed: whoever commits the folder forces and renames that.
    static List<String> write(Function<String, Disk.Output> create, String stem, Map<String, Tensor> tensors, Map<String, String> metadata, long maxShardBytes) {
        return write(create, stem, Safetensors.types(tensors), tensors::get, metadata, maxShardBytes);
    }

    private static List<String> write(Function<String, Disk.Output> create, String stem, Map<String, TensorType> types, Function<String, Tensor> tensors,
            Map<String, String> metadata, long maxShardBytes) {
        List<Shard> shards = divide(stem, List.of(types), maxShardBytes);
        shards.forEach(shard -> shard.write(create, tensors, metadata));
        var files = new ArrayList<>(shards.stream().map(Shard::file).toList());
        writeIndex(create, stem, shards).ifPresent(files::add);
        return files;
    }

    /// One file of several.
    ///
    /// @param file    its name
    /// @param part    whose it is: the place of its part among those that were divided
    /// @param tensors what lies in it, in order
    record Shard(String file, int part, Map<String, TensorType> tensors) {
        void write(Function<String, Disk.Output> create, Function<String, Tensor> from, Map<String, String> metadata) {
            try (Disk.Output out = create.apply(file)) {
                Safetensors.write(out, tensors, from, metadata);
                out.force();
            }
        }
    }

    /// The files of tensors that several writers have a part of each; a part has no file in common with another. At least one file, were it empty.
    static List<Shard> divide(String stem, List<Map<String, TensorType>> parts, long maxShardBytes) {
        check(maxShardBytes > 0, "maxShardBytes is %d, wanted a positive number", maxShardBytes);
        var filled = new ArrayList<Shard>();
        for (int part = 0; part < parts.size(); part++) {
            for (Map<String, TensorType> tensors : fill(parts.get(part), maxShardBytes)) {
                filled.add(new Shard("", part, tensors));
            }
        }
        if (filled.isEmpty()) {
            filled.add(new Shard("", 0, Map.of()));
        }
        var shards = new ArrayList<Shard>();
        for (Shard one : filled) {
            String file = filled.size() == 1 ? stem + ".safetensors" : "%s-%05d-of-%05d.safetensors".formatted(stem, shards.size() + 1, filled.size());
            shards.add(new Shard(file, one.part, one.tensors));
        }
        return shards;
    }

    /// Writes what says what lies where, unless there is but one file; gives its name.
    static Optional<String> writeIndex(Function<String, Disk.Output> create, String stem, List<Shard> shards) {
        if (shards.size() == 1) {
            return Optional.empty();
        }
        var weightMap = new TreeMap<String, String>();
        shards.forEach(shard -> shard.tensors.keySet().forEach(name -> weightMap.put(name, shard.file)));
        var json = new LinkedHashMap<String, Object>();
        json.put("metadata", Map.of("total_size", shards.stream().flatMap(shard -> shard.tensors.values().stream()).mapToLong(TensorType::bytes).sum()));
        json.put("weight_map", weightMap);
        String file = stem + ".safetensors.index.json";
        try (Disk.Output out = create.apply(file)) {
            out.write(ByteBuffer.wrap(Json.write(json)));
            out.force();
        }
        return Optional.of(file);
    }

    /// [#write] straight into an existing folder, for example one that a model is exported to.
    public static List<String> write(Disk disk, Path folder, Map<String, Tensor> tensors, Map<String, String> metadata, long maxShardBytes) {
        var files = write(file -> disk.create(folder.resolve(file)), "model", tensors, metadata, maxShardBytes);
        disk.forceDirectory(folder);
        return files;
    }

    /// [#write] into an existing folder of tensors that `tensors` makes one at a time, each when it is written: a shard needs the room of its largest tensor.
    public static List<String> write(Disk disk, Path folder, Map<String, TensorType> types, Function<String, Tensor> tensors, Map<String, String> metadata, long maxShardBytes) {
        var files = write(file -> disk.create(folder.resolve(file)), "model", types, tensors, metadata, maxShardBytes);
        disk.forceDirectory(folder);
        return files;
    }

    private static List<Map<String, TensorType>> fill(Map<String, TensorType> types, long maxShardBytes) {
        var shards = new ArrayList<Map<String, TensorType>>();
        Map<String, TensorType> shard = new LinkedHashMap<>();
        long bytes = 0;
        for (var entry : types.entrySet()) {
            long more = entry.getValue().bytes();
            if (!shard.isEmpty() && bytes + more > maxShardBytes) {
                shards.add(shard);
                shard = new LinkedHashMap<>();
                bytes = 0;
            }
            shard.put(entry.getKey(), entry.getValue());
            bytes += more;
        }
        if (!shard.isEmpty()) {
            shards.add(shard);
        }
        return shards;
    }
}
