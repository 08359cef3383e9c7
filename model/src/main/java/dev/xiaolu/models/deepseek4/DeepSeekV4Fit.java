package dev.xiaolu.models.deepseek4;

import dev.xiaolu.models.deepseek4.DeepSeekV4Layout.Published;
import dev.xiaolu.models.deepseek4.DeepSeekV4Tensor.Kind;
import dev.xiaolu.op.Blocks;
import dev.xiaolu.platform.Faults;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.store.TensorSource;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/// Whether files hold the tensors that a config implies: names, types and shapes are compared before any tensor is read.
final class DeepSeekV4Fit {
    private static final int FAULTS_TOLD = 20;

    private final DeepSeekV4Layout layout;
    private final TensorSource source;
    private final Set<String> left;
    private final Faults faults;

    private DeepSeekV4Fit(String subject, DeepSeekV4Layout layout, TensorSource source) {
        faults = new Faults(subject);
        this.layout = layout;
        this.source = source;
        left = new LinkedHashSet<>(source.names());
    }

    /// Refuses files with missing, foreign or misshapen tensors, the first twenty named.
    static void check(String subject, List<DeepSeekV4Tensor> tensors, DeepSeekV4Layout layout, TensorSource source) {
        var fit = new DeepSeekV4Fit(subject, layout, source);
        var done = new LinkedHashSet<String>();
        for (DeepSeekV4Tensor tensor : tensors) {
            for (Published published : layout.published(tensor)) {
                if (done.add(published.name())) {
                    fit.compare(published, tensor.kind());
                }
            }
        }
        fit.refuseLeft();
        fit.faults.throwIfAny(FAULTS_TOLD);
    }

    private void compare(Published wanted, Kind kind) {
        if (!left.remove(wanted.name())) {
            fault("tensor %s is missing, wanted %s = %s of config.json", wanted.name(), wanted.shape(), wanted.keys());
            return;
        }
        TensorType found = source.type(wanted.name());
        switch (found.dtype()) {
            case F8_E4M3, I8 -> compareCodes(wanted, found);
            case F32, BF16, I64 -> {
                if (found.dtype() == DType.I64 != (kind == Kind.TABLE)) {
                    fault("tensor %s is %s, wanted %s", wanted.name(), found.dtype(), kind == Kind.TABLE ? "I64" : "F32 or BF16");
                } else {
                    compareShape(wanted, found, wanted.shape());
                }
            }
            case F8_E8M0, I32, BOOL -> fault("tensor %s is %s, wanted %s", wanted.name(), found.dtype(), kind == Kind.TABLE ? "I64" : "F32 or BF16");
        }
    }

    private boolean compareShape(Published wanted, TensorType found, Shape shape) {
        if (found.shape().equals(shape)) {
            return true;
        }
        fault("tensor %s is %s, wanted %s = %s of config.json%s", wanted.name(), found.shape(), shape, wanted.keys(), shape.equals(wanted.shape()) ? "" : ", two elements of FP4 to a byte");
        return false;
    }

    private void compareCodes(Published wanted, TensorType found) {
        String name = layout.scales(wanted.name());
        boolean there = left.remove(name);
        if (!wanted.quantisable()) {
            fault("tensor %s is %s, wanted F32 or BF16: it is never quantised", wanted.name(), found.dtype());
            return;
        }
        boolean packed = found.dtype() == DType.I8;
        Blocks blocks = packed ? Blocks.FP4 : Blocks.WEIGHTS;
        if (!compareShape(wanted, found, packed ? wanted.shape().with(-1, Math.ceilDiv(wanted.shape().last(), 2L)) : wanted.shape())) {
            return;
        }
        Shape grid = blocks.grid(wanted.shape());
        if (!there) {
            fault("tensor %s is missing, wanted %s, the scales of %s, which is %s", name, grid, wanted.name(), found.dtype());
            return;
        }
        TensorType scales = source.type(name);
        boolean typed = scales.dtype() == DType.F8_E8M0 || scales.dtype() == DType.F32;
        if (!typed || !scales.shape().equals(grid)) {
            fault("tensor %s is %s, wanted %s %s, a scale for each block of %s in %s", name, scales, typed ? scales.dtype() : "F8_E8M0 or F32", grid, blocks, wanted.shape());
        }
    }

    /// Copies of embedding and head beside the block that predicts one token more say nothing new; everything else unknown may mean something that would be left out.
    private void refuseLeft() {
        left.removeAll(Set.of("mtp.0.embed.weight", "mtp.0.head.weight"));
        for (String name : left) {
            if (name.startsWith("mtp.")) {
                fault("tensor %s: this layout of prediction blocks is not known, wanted mtp.0 with e_proj, h_proj, enorm, hnorm, norm, hc_head_* and the tensors of a layer, as num_nextn_predict_layers has it", name);
            } else {
                fault("tensor %s is not of this model", name);
            }
        }
    }

    private void fault(String format, Object... args) {
        faults.that(false, format, args);
    }
}
