package dev.xiaolu.models.deepseek4;

import dev.xiaolu.nn.Parameters;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.shape.DType;
import dev.xiaolu.store.ConfigJson;
import dev.xiaolu.store.TensorSource;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/// Models of the family on disk: `config.json` beside `model.safetensors` or its shards, in the published layout or in that of transformers.
///
/// Our names are the published ones; only the experts of a layer are one parameter each for `w1`, `w2` and `w3`: `layers.3.ffn.experts.w1.weight` is `[experts, out, in]`.
public final class DeepSeekV4Weights {
    private DeepSeekV4Weights() {}

    /// How a model is written.
    public enum Form {
        /// Published names, F32.
        NATIVE_F32,
        /// Published names, BF16; hyper-connections, sinks, gate biases of compressors and router biases in F32.
        NATIVE_BF16,
        /// As published: matrices in FP8, experts in FP4, the rest as in [#NATIVE_BF16].
        NATIVE_QUANTISED,
        /// The names of transformers, F32.
        TRANSFORMERS_F32,
        /// The names of transformers, BF16 where [#NATIVE_BF16] has it.
        TRANSFORMERS_BF16;

        DeepSeekV4Layout layout() {
            return this == TRANSFORMERS_F32 || this == TRANSFORMERS_BF16 ? DeepSeekV4Layout.TRANSFORMERS : DeepSeekV4Layout.NATIVE;
        }

        boolean isFull() {
            return this == NATIVE_F32 || this == TRANSFORMERS_F32;
        }
    }

    /// The config of a folder, or of a `config.json`.
    public static DeepSeekV4Config config(Path path) {
        return DeepSeekV4ConfigJson.read(ConfigJson.read(Disk.real(), path));
    }

    /// Whether a config is the family's, or says that it is like it: what this family's reader reads, or refuses by name.
    public static boolean isConfig(ConfigJson json) {
        return json.text("model_type", "").startsWith(DeepSeekV4ConfigJson.MODEL_TYPE) || DeepSeekV4ConfigJson.isOfInference(json);
    }

    /// Opens a folder with `config.json` and weights to fill a model from; refuses missing, misshapen and foreign tensors by name.
    public static DeepSeekV4Checkpoint open(Path folder) {
        return DeepSeekV4Checkpoint.open(folder, config(folder));
    }

    /// The tensors of a `source` to fill a model of these sizes from; the same refusals, opened by `subject`. It closes the source when it is closed itself.
    public static DeepSeekV4Checkpoint of(String subject, DeepSeekV4Config config, TensorSource source) {
        return DeepSeekV4Checkpoint.of(subject, config, source);
    }

    /// The tensors of [Form#NATIVE_F32]: parameters and experts as views of the model's, tables widened into `arena`.
    public static Map<String, Tensor> tensors(DeepSeekV4 model, Arena arena) {
        var tensors = new LinkedHashMap<String, Tensor>();
        for (DeepSeekV4Tensor tensor : DeepSeekV4Tensors.of(model.config())) {
            if (tensor.kind() == DeepSeekV4Tensor.Kind.TABLE) {
                Tensor table = model.parameters().tables().get(tensor.name());
                Tensor wide = Tensor.zeros(arena, DType.I64, table.shape());
                DeepSeekV4Writer.widen(table, wide);
                tensors.put(tensor.name(), wide);
                continue;
            }
            Tensor value = model.parameters().named(tensor.name()).value();
            if (DeepSeekV4Layout.NATIVE.isCut(tensor)) {
                for (long expert = 0; expert < value.shape().axis(0); expert++) {
                    tensors.put(DeepSeekV4Layout.NATIVE.name(tensor, expert), value.at(expert));
                }
            } else {
                tensors.put(tensor.name(), value);
            }
        }
        return tensors;
    }

    /// Reads a model, weights as F32 in `arena`; runs on the current [dev.xiaolu.tensor.Compute]. Without the block that predicts one token more in the files, the model has none.
    public static DeepSeekV4 load(Path folder, Arena arena) {
        try (DeepSeekV4Checkpoint checkpoint = open(folder)) {
            DeepSeekV4Config config = checkpoint.config();
            return new DeepSeekV4(checkpoint.hasPrediction() ? config : config.withoutPrediction(), arena, checkpoint);
        }
    }

    /// A model for inference alone whose matrices stay in the mapped files, quantised as they are, and become F32 each time they are used; an expert that no token chooses is not read. The same bits as of [#load].
    /// Embedding, head, norms, routers and hyper-connections are read as F32 into `arena`, and the files stay mapped as long as it lives.
    public static DeepSeekV4 loadStored(Path folder, Arena arena) {
        DeepSeekV4Checkpoint checkpoint = DeepSeekV4Checkpoint.openStored(folder, config(folder), arena);
        DeepSeekV4Config config = checkpoint.config();
        return new DeepSeekV4(checkpoint.hasPrediction() ? config : config.withoutPrediction(), arena, checkpoint);
    }

    /// `config.json` of a model that is written in this form.
    public static byte[] configJson(DeepSeekV4Config config, Form form) {
        String dtype = form.isFull() ? "float32" : "bfloat16";
        return form.layout() == DeepSeekV4Layout.NATIVE ? DeepSeekV4ConfigWriter.writeNative(config, dtype, form == Form.NATIVE_QUANTISED) : DeepSeekV4ConfigWriter.writeTransformers(config, dtype);
    }

    /// Writes a model's parameters and tables into `folder` in shards of at most `maxShardBytes`, one tensor at a time; runs on the current [dev.xiaolu.tensor.Compute].
    /// The block that predicts one token more is written where the model has it and the layout knows it.
    public static void save(Disk disk, Path folder, DeepSeekV4Config config, Parameters parameters, Form form, long maxShardBytes) {
        byte[] json = configJson(config, form);                  // refuses what the form cannot say before anything is written
        disk.createDirectories(folder);
        new DeepSeekV4Writer(folder.toString(), config, parameters, form).write(disk, folder, maxShardBytes);
        disk.replace(folder.resolve("config.json"), json);
    }
}
