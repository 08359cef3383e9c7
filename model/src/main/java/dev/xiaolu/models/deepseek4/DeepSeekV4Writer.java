package dev.xiaolu.models.deepseek4;

import static dev.xiaolu.platform.Check.check;
import static dev.xiaolu.platform.Check.checkInput;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.xiaolu.models.deepseek4.DeepSeekV4Tensor.Kind;
import dev.xiaolu.models.deepseek4.DeepSeekV4Weights.Form;
import dev.xiaolu.nn.Parameters;
import dev.xiaolu.op.Cast;
import dev.xiaolu.op.Quantise;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.store.ShardedSafetensors;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/// A model's parameters as published tensors: what each will be is known first, and made when it is written, in the scratch of the current [Compute].
///
/// Codes and scales are two tensors of a file and lie apart there, so a matrix is quantised once for each.
final class DeepSeekV4Writer {
    private final String subject;
    private final Parameters parameters;
    private final Form form;
    private final DeepSeekV4Layout layout;
    private final Map<String, TensorType> types = new LinkedHashMap<>();
    private final Map<String, Supplier<Tensor>> made = new LinkedHashMap<>();

    DeepSeekV4Writer(String subject, DeepSeekV4Config config, Parameters parameters, Form form) {
        this.subject = subject;
        this.parameters = parameters;
        this.form = form;
        layout = form.layout();
        var tensors = new LinkedHashMap<String, DeepSeekV4Tensor>();
        DeepSeekV4Tensors.of(config).forEach(tensor -> tensors.put(tensor.name(), tensor));
        check(tensors.keySet().containsAll(parameters.names()), "%s: parameters that the config does not imply, among %s", subject, parameters.names());
        boolean predicts = parameters.names().stream().anyMatch(name -> name.startsWith("mtp."));
        for (DeepSeekV4Tensor tensor : tensors.values()) {
            if (layout.holds(tensor) && (predicts || !tensor.isPrediction())) {
                add(tensor);
            }
        }
    }

    void write(Disk disk, Path folder, long maxShardBytes) {
        Scratch scratch = Compute.current().scratch();
        Scratch.Mark before = scratch.mark();
        ShardedSafetensors.write(disk, folder, types, name -> {
            scratch.reset(before);                               // the tensor before this one is on the disk
            return made.get(name).get();
        }, Map.of("format", "pt"), maxShardBytes);
        scratch.reset(before);
    }

    private void add(DeepSeekV4Tensor tensor) {
        if (tensor.kind() == Kind.TABLE) {
            Tensor table = parameters.tables().get(tensor.name());
            check(table != null && table.shape().equals(tensor.shape()), "%s: table %s is %s, wanted %s", subject, tensor.name(), table, tensor.shape());
            add(layout.name(tensor, 0), new TensorType(DType.I64, table.shape()), () -> wide(table));
            return;
        }
        Tensor value = parameters.named(tensor.name()).value();
        check(value.shape().equals(tensor.shape()), "%s: parameter %s is %s, wanted %s", subject, tensor.name(), value.shape(), tensor.shape());
        if (layout.isCut(tensor)) {
            for (long expert = 0; expert < value.shape().axis(0); expert++) {
                addMatrix(layout.name(tensor, expert), tensor.kind(), value.at(expert));
            }
        } else if (tensor.transformers().endsWith(".gate_up_proj") && layout == DeepSeekV4Layout.TRANSFORMERS) {
            if (tensor.rowsFrom() == 0) {
                addGateAndUp(tensor, value, parameters.named(tensor.name().replace(".w1.", ".w3.")).value());
            }
        } else {
            addMatrix(layout.name(tensor, 0), tensor.kind(), value);
        }
    }

    private void addMatrix(String name, Kind kind, Tensor value) {
        if (form == Form.NATIVE_QUANTISED && (kind == Kind.MATRIX || kind == Kind.EXPERTS)) {
            checkInput(kind == Kind.MATRIX || value.shape().last() % 2 == 0, "%s: tensor %s is %s, and FP4 packs two columns in a byte: wanted an even moe_intermediate_size and hidden_size, or a form in F32 or BF16",
                    subject, name, value.shape());
            Quantise op = kind == Kind.MATRIX ? Quantise.fp8Weights() : Quantise.fp4();
            List<TensorType> both = op.infer(List.of(value.type()));
            String scales = layout.scales(name);
            add(name, both.get(0), () -> quantised(op, value, scales)[0]);
            add(scales, both.get(1), () -> quantised(op, value, scales)[1]);
            return;
        }
        DType dtype = dtype(kind);
        add(name, new TensorType(dtype, value.shape()), () -> dtype == DType.F32 ? value : Compute.one(new Cast(dtype), value));
    }

    private void addGateAndUp(DeepSeekV4Tensor tensor, Tensor gate, Tensor up) {
        long width = gate.shape().axis(1);
        Shape shape = gate.shape().with(1, 2 * width);
        var type = new TensorType(dtype(tensor.kind()), shape);
        add(tensor.transformers(), type, () -> {
            Tensor both = Compute.current().scratch().allocate(type);
            for (long expert = 0; expert < shape.axis(0); expert++) {
                Compute.into(new Cast(type.dtype()), new Tensor[] {gate.at(expert)}, both.at(expert).slice(0, 0, width));
                Compute.into(new Cast(type.dtype()), new Tensor[] {up.at(expert)}, both.at(expert).slice(0, width, 2 * width));
            }
            return both;
        });
    }

    private Tensor[] quantised(Quantise op, Tensor value, String scales) {
        Tensor[] both = Compute.run(op, value);
        DeepSeekV4Checkpoint.refuseNaN(subject, scales, -1, both[1]);
        return both;
    }

    private DType dtype(Kind kind) {
        return form.isFull() || kind == Kind.FULL || kind == Kind.BIAS ? DType.F32 : DType.BF16;
    }

    private static Tensor wide(Tensor table) {
        Tensor wide = Compute.current().scratch().allocate(new TensorType(DType.I64, table.shape()));
        widen(table, wide);
        return wide;
    }

    /// Copies a table I32 into one I64 of its shape.
    static void widen(Tensor table, Tensor wide) {
        for (long i = 0; i < table.shape().size(); i++) {
            wide.data().setAtIndex(JAVA_LONG, i, table.data().getAtIndex(JAVA_INT, i));
        }
    }

    private void add(String name, TensorType type, Supplier<Tensor> tensor) {
        types.put(name, type);
        made.put(name, tensor);
    }
}
