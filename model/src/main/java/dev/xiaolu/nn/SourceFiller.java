package dev.xiaolu.nn;

import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.op.Cast;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.store.TensorSource;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.function.Predicate;

/// Reads parameters from a checkpoint under their published names; BF16 widens exactly to F32, and what is not finite is refused.
///
/// One thread; the source may be closed once the model is built.
public final class SourceFiller implements Filler {
    private final String subject;
    private final TensorSource source;
    private final Set<String> unused;

    /// A filler that reads from `source`; `subject` opens its messages, for example the folder's name.
    public SourceFiller(String subject, TensorSource source) {
        this.subject = subject;
        this.source = source;
        unused = new LinkedHashSet<>(source.names());
    }

    @Override public void fill(String name, Tensor value, Initial initial) {
        checkInput(unused.remove(name), "%s: tensor %s is missing, wanted %s by config.json", subject, name, value.shape());
        TensorType found = source.type(name);
        checkInput(found.shape().equals(value.shape()), "%s: tensor %s is %s, wanted %s by config.json", subject, name, found.shape(), value.shape());
        checkInput(found.dtype() == DType.F32 || found.dtype() == DType.BF16, "%s: tensor %s is %s, wanted F32 or BF16", subject, name, found.dtype());
        Compute.into(new Cast(DType.F32), new Tensor[] {source.tensor(name)}, value);
        FiniteWeights.check(source.file(name), name, -1, 0, value);
    }

    /// Refuses tensors that no parameter asked for, but for those that `harmless` names; called once the model is built.
    public void refuseUnused(Predicate<String> harmless) {
        unused.removeIf(harmless);
        checkInput(unused.isEmpty(), "%s: %d tensors are not of this model, the first is %s", subject, unused.size(), unused.isEmpty() ? "" : unused.iterator().next());
    }
}
