package dev.xiaolu.models.llama;

import dev.xiaolu.nn.Parameters;
import dev.xiaolu.nn.SourceFiller;
import dev.xiaolu.op.Cast;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.shape.DType;
import dev.xiaolu.store.ConfigJson;
import dev.xiaolu.store.ShardedSafetensors;
import dev.xiaolu.store.TensorSource;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/// Models of the family in the Hugging Face layout: `config.json` beside `model.safetensors` or its shards. Our names are the published ones.
public final class LlamaWeights {
    /// The model types of this family's `config.json`.
    public static final List<String> MODEL_TYPES = LlamaConfigJson.MODEL_TYPES;

    private LlamaWeights() {}

    /// The config of a folder, or of a `config.json`.
    public static LlamaConfig config(Path path) {
        return LlamaConfigJson.read(ConfigJson.read(Disk.real(), path));
    }

    /// Reads a model, weights as F32 in `arena`; runs on the current [Compute]. Refuses missing, misshapen and foreign tensors by name.
    public static Llama load(Path folder, Arena arena) {
        LlamaConfig config = config(folder);
        try (TensorSource source = TensorSource.open(folder)) {
            var filler = new SourceFiller(folder.toString(), source);
            var model = new Llama(config, arena, filler);
            filler.refuseUnused(harmless(config));
            return model;
        }
    }

    /// Old files carry the rotation's frequencies, which follow from the config; a tied head may be written out beside the embedding.
    private static Predicate<String> harmless(LlamaConfig config) {
        return name -> name.endsWith(".rotary_emb.inv_freq") || name.equals("lm_head.weight") && config.tieWordEmbeddings();
    }

    /// `config.json` of a model whose weights are written as `dtype`.
    public static byte[] configJson(LlamaConfig config, DType dtype) {
        return LlamaConfigJson.write(config, dtype == DType.BF16 ? "bfloat16" : "float32");
    }

    /// The parameters by published name, as F32 themselves or rounded to BF16 into the scratch of the current [Compute].
    public static Map<String, Tensor> tensors(Parameters parameters, DType dtype) {
        var tensors = new LinkedHashMap<String, Tensor>();
        parameters.all().forEach(parameter -> tensors.put(parameter.name(), dtype == DType.F32 ? parameter.value() : Compute.one(new Cast(dtype), parameter.value())));
        return tensors;
    }

    /// Writes a model into `folder`, as F32 or BF16, in shards of at most `maxShardBytes`; runs on the current [Compute].
    public static void save(Disk disk, Path folder, Llama model, DType dtype, long maxShardBytes) {
        disk.createDirectories(folder);
        ShardedSafetensors.write(disk, folder, tensors(model.parameters(), dtype), Map.of("format", "pt"), maxShardBytes);
        disk.replace(folder.resolve("config.json"), configJson(model.config(), dtype));
    }
}
