package dev.xiaolu.models.deepseek4;

import static dev.xiaolu.platform.Check.check;
import static dev.xiaolu.platform.Check.checkInput;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.xiaolu.models.deepseek4.DeepSeekV4Tensor.Kind;
import dev.xiaolu.nn.Filler;
import dev.xiaolu.nn.FiniteWeights;
import dev.xiaolu.nn.Weight;
import dev.xiaolu.op.Blocks;
import dev.xiaolu.op.Cast;
import dev.xiaolu.op.Dequantise;
import dev.xiaolu.platform.Faults;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.store.TensorSource;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.E8M0;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Weights on disk, in either layout, quantised or not, as the filler of a model's parameters: FP8, FP4 and BF16 become F32, and the experts of a layer one tensor.
///
/// What each tensor is says its own type in the files, not the config. Names, types and shapes are all checked when it is opened, the numbers, their scales and codes, and tables when they are read for the first time. Tensors are views on
/// mapped files and go straight into the parameter, so nothing is held beside the model but the pages being read. One thread; closed once the model is built.
public final class DeepSeekV4Checkpoint implements Filler, AutoCloseable {
    private static final int ROWS_TOLD = 20;
    private static final long SEVEN_BITS = 0x7F7F_7F7F_7F7F_7F7FL;
    private static final long ONES = 0x0101_0101_0101_0101L;

    private final String subject;
    private final DeepSeekV4Config config;
    private final TensorSource source;
    private final DeepSeekV4Layout layout;
    private final Map<String, DeepSeekV4Tensor> tensors = new LinkedHashMap<>();
    private final Set<String> unread = new LinkedHashSet<>();
    private final boolean stored;
    private final Set<Part> sound = new HashSet<>();

    private DeepSeekV4Checkpoint(String subject, DeepSeekV4Config config, TensorSource source, boolean stored) {
        this.subject = subject;
        this.config = config;
        this.source = source;
        this.stored = stored;
        layout = DeepSeekV4Layout.of(subject, source.names());
        boolean predicts = source.names().stream().anyMatch(name -> name.startsWith("mtp."));
        for (DeepSeekV4Tensor tensor : DeepSeekV4Tensors.of(config)) {
            if (layout.holds(tensor) && (predicts || !tensor.isPrediction())) {
                tensors.put(tensor.name(), tensor);
            }
        }
        DeepSeekV4Fit.check(subject, List.copyOf(tensors.values()), layout, source);
        unread.addAll(tensors.keySet());
    }

    /// Opens a folder with `config.json` and weights.
    static DeepSeekV4Checkpoint open(Path folder, DeepSeekV4Config config) {
        return open(folder, config, TensorSource.open(folder), false);
    }

    /// The same for a model whose matrices stay in the mapped files, which live as long as `arena`: they become F32 each time they are used.
    static DeepSeekV4Checkpoint openStored(Path folder, DeepSeekV4Config config, Arena arena) {
        return open(folder, config, TensorSource.open(folder, arena), true);
    }

    private static DeepSeekV4Checkpoint open(Path folder, DeepSeekV4Config config, TensorSource source, boolean stored) {
        try {
            return new DeepSeekV4Checkpoint(folder.toString(), config, source, stored);
        } catch (Throwable refused) {
            source.close();
            throw refused;
        }
    }

    /// Weights in a `source`, which it closes when it is closed.
    static DeepSeekV4Checkpoint of(String subject, DeepSeekV4Config config, TensorSource source) {
        return new DeepSeekV4Checkpoint(subject, config, source, false);
    }

    /// The sizes.
    public DeepSeekV4Config config() {
        return config;
    }

    /// Whether the block that predicts one token more is there; transformers' layout never has it.
    public boolean hasPrediction() {
        return tensors.values().stream().anyMatch(DeepSeekV4Tensor::isPrediction);
    }

    /// Our names of what has not been read yet: none once a whole model is built.
    public Set<String> unread() {
        return Collections.unmodifiableSet(unread);
    }

    @Override public Optional<Weight> stored(String name, Shape shape) {
        if (!stored) {
            return Optional.empty();
        }
        DeepSeekV4Tensor tensor = found(name, shape);
        return Optional.of(Weight.stored(shape, (index, into) -> read(tensor, tensor.kind() == Kind.EXPERTS ? index : -1, into)));
    }

    /// The tensor of this name, which is read from here on.
    private DeepSeekV4Tensor found(String name, Shape shape) {
        DeepSeekV4Tensor tensor = tensors.get(name);
        checkInput(tensor != null, "%s: holds no %s", subject, name);
        check(shape.equals(tensor.shape()), "%s: parameter %s is %s, wanted %s = %s of config.json", subject, name, shape, tensor.shape(), tensor.keys(0));
        unread.remove(name);
        return tensor;
    }

    @Override public void fill(String name, Tensor value, Initial initial) {
        DeepSeekV4Tensor tensor = found(name, value.shape());
        if (tensor.kind() == Kind.TABLE) {
            readTable(layout.name(tensor, 0), value);
        } else if (tensor.kind() != Kind.EXPERTS) {
            read(tensor, -1, value);
        } else {
            for (long expert = 0; expert < value.shape().axis(0); expert++) {
                read(tensor, expert, value.at(expert));
            }
        }
    }

    /// A whole tensor, or one expert's matrix of it.
    private record Part(String tensor, long expert) {}

    /// Reads such a part; looks whether it is sound when it does so for the first time.
    private void read(DeepSeekV4Tensor tensor, long expert, Tensor into) {
        var part = new Part(tensor.name(), expert);
        boolean first = !sound.contains(part);
        read(tensor, expert, into, first);
        if (first) {
            String name = layout.name(tensor, expert);
            FiniteWeights.check(source.file(name), name, expert >= 0 && !layout.isCut(tensor) ? expert : -1, layout.rowsFrom(tensor), into);
            sound.add(part);
        }
    }

    private void read(DeepSeekV4Tensor tensor, long expert, Tensor into, boolean first) {
        String name = layout.name(tensor, expert);
        boolean stacked = expert >= 0 && !layout.isCut(tensor);
        Tensor found = stacked ? source.tensor(name).at(expert) : source.tensor(name);
        long from = layout.rowsFrom(tensor);
        long rows = into.shape().axis(0);
        if (found.dtype() == DType.F32 || found.dtype() == DType.BF16) {
            Compute.into(new Cast(DType.F32), new Tensor[] {found.slice(0, from, from + rows)}, into);
            return;
        }
        Blocks blocks = found.dtype() == DType.I8 ? Blocks.FP4 : Blocks.WEIGHTS;
        String scalesName = layout.scales(name);
        Tensor scales = stacked ? source.tensor(scalesName).at(expert) : source.tensor(scalesName);
        if (first) {
            refuseNaN(source.file(scalesName).toString(), scalesName, stacked ? expert : -1, scales);
        }
        checkInput(rows == found.shape().axis(0) || rows % blocks.rows() == 0, "%s: tensor %s is %s with gate and up projections in the same block of %s, wanted moe_intermediate_size (%d) to be a multiple of %d",
                subject, name, found.dtype(), blocks, rows, blocks.rows());
        Tensor part = scales.slice(0, from / blocks.rows(), Math.ceilDiv(from + rows, (long) blocks.rows()));
        Tensor codes = found.slice(0, from, from + rows);
        if (first && codes.dtype() == DType.F8_E4M3) {
            refuseNaNCodes(source.file(name).toString(), name, stacked ? expert : -1, from, codes);
        }
        Compute.into(new Dequantise(blocks), new Tensor[] {codes, part}, into);
    }

    /// Refuses FP8 codes that are no numbers, by tensor and element; every code of FP4 is a number. `codes` begins with row `from` of the tensor.
    private static void refuseNaNCodes(String subject, String name, long expert, long from, Tensor codes) {
        long size = codes.shape().size();
        long i = 0;
        while (i + 8 <= size && ((codes.data().get(JAVA_LONG_UNALIGNED, i) & SEVEN_BITS) + ONES & ~SEVEN_BITS) == 0) {
            i += 8;                                              // adding one reaches the eighth bit of a byte only from the code 0x7F, so eight codes are looked at together
        }
        for (long end = Math.min(i + 8, size); i < end; i++) {
            checkInput((codes.data().get(JAVA_BYTE, i) & 0x7F) != 0x7F, "%s: tensor %s: element [%s%d, %d] is the code 0x%02X, which is no number, wanted finite FP8; the weights are damaged, fetch the file again",
                    subject, name, expert < 0 ? "" : expert + ", ", from + i / codes.shape().last(), i % codes.shape().last(), codes.data().get(JAVA_BYTE, i) & 0xFF);
        }
    }

    /// Refuses scales that are no numbers, by tensor and block; `expert` is −1 where `scales` is not one of several matrices.
    static void refuseNaN(String subject, String name, long expert, Tensor scales) {
        for (long i = 0; i < scales.shape().size(); i++) {
            boolean sound = scales.dtype() == DType.F32 ? Float.isFinite(scales.data().getAtIndex(JAVA_FLOAT, i)) : (scales.data().get(JAVA_BYTE, i) & 0xFF) != E8M0.NAN;
            checkInput(sound, "%s: tensor %s: block [%s%d, %d] has a scale that is no number; the weights are damaged", subject, name, expert < 0 ? "" : expert + ", ",
                    i / scales.shape().last(), i % scales.shape().last());
        }
    }

    private void readTable(String name, Tensor into) {
        Tensor found = source.tensor(name);
        int width = (int) found.shape().last();
        var faults = new Faults(subject + ": tensor " + name);
        for (long row = 0; row < found.shape().rows(); row++) {
            var seen = new LinkedHashSet<Long>();
            boolean sound = true;
            for (int i = 0; i < width; i++) {
                long id = found.data().getAtIndex(JAVA_LONG, row * width + i);
                sound &= id >= 0 && id < config.numRoutedExperts() && seen.add(id);
                into.data().setAtIndex(JAVA_INT, row * width + i, (int) id);
            }
            if (!sound) {
                faults.that(false, "token %d has the experts %s, wanted %d different ones from 0 to below n_routed_experts (%d)", row, ids(found, row, width), width, config.numRoutedExperts());
            }
        }
        faults.throwIfAny(ROWS_TOLD);
    }

    private static List<Long> ids(Tensor table, long row, int width) {
        return java.util.stream.LongStream.range(row * width, (row + 1) * width).mapToObj(i -> table.data().getAtIndex(JAVA_LONG, i)).toList();
    }

    @Override public void close() {
        source.close();
    }
}
