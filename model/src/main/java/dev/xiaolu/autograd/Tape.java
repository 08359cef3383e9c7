package dev.xiaolu.autograd;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.op.Add;
import dev.xiaolu.op.FakeQuantise;
import dev.xiaolu.op.Op;
import dev.xiaolu.shape.DType;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Recorder;
import dev.xiaolu.tensor.Recycling;
import dev.xiaolu.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.UnaryOperator;

/// Remembers the differentiable operators of one forward pass and walks them back.
///
/// Tensors are known by their address, so a reshape is the same value; a slice of a value on the tape is refused, since its gradient would be lost. A rounded parameter is the parameter itself here: its gradient goes straight through.
/// The rows of the pass are divided into *leaves of work*, equal runs of the first axis (whole sequences): every parameter's gradient comes as one sum for each leaf,
/// so that neither the size of the pass nor the order of passes can change a bit. One thread; one pass; then it is spent.
public final class Tape implements Recorder {
    /// @param elsewhere gives the gradient of the input where no operator of the table made the output; null where one did
    record Entry(Op.Differentiable op, Tensor[] inputs, Tensor[] outputs, UnaryOperator<Tensor> elsewhere) {}

    private final int leaves;
    private final Map<Long, Parameter> parameters = new HashMap<>();
    private final Map<Long, Long> rounded = new HashMap<>();               // address of a rounded parameter → that of the parameter
    private final Map<Long, Integer> uses = new HashMap<>();
    private final TreeMap<Long, Long> tracked = new TreeMap<>();           // address → bytes
    private final List<Entry> entries = new ArrayList<>();
    private final Map<Long, Tensor> gradients = new HashMap<>();

    /// A tape for a pass over `leaves` leaves of work.
    public Tape(Collection<Parameter> parameters, int leaves) {
        check(leaves > 0, "a tape of %d leaves", leaves);
        this.leaves = leaves;
        for (Parameter parameter : parameters) {
            long address = address(parameter.value());
            check(this.parameters.put(address, parameter) == null, "parameter %s shares memory with another", parameter.name());
            tracked.put(address, parameter.value().type().bytes());
        }
    }

    @Override public void ran(Op op, Tensor[] inputs, Tensor[] outputs) {
        if (op instanceof Op.Choice) {                           // its outputs are constants to whoever uses them
            return;
        }
        if (op instanceof FakeQuantise && parameters.containsKey(address(inputs[0]))) {
            tracked.put(outputs[0].data().address(), outputs[0].type().bytes());
            rounded.put(outputs[0].data().address(), address(inputs[0]));
            return;
        }
        boolean follows = false;
        for (Tensor input : inputs) {
            follows |= isTracked(op, input);
        }
        if (!follows) {
            return;
        }
        check(op instanceof Op.Differentiable, "%s ran on a taped value but has no gradient", op.name());
        for (Tensor input : inputs) {
            uses.computeIfPresent(address(input), (_, count) -> count + 1);
            if (parameters.containsKey(address(input))) {
                uses.putIfAbsent(address(input), 1);
            }
        }
        for (Tensor output : outputs) {
            tracked.put(address(output), output.type().bytes());
        }
        entries.add(new Entry((Op.Differentiable) op, inputs, outputs, null));
    }

    @Override public void made(Tensor input, Tensor output, UnaryOperator<Tensor> gradient) {
        check(!parameters.containsKey(address(input)), "a parameter went elsewhere, %s; its gradient for each leaf of work would be lost", input);
        if (tracked.containsKey(address(input))) {
            tracked.put(address(output), output.type().bytes());
            entries.add(new Entry(null, new Tensor[] {input}, new Tensor[] {output}, gradient));
        }
    }

    /// An output of the pass and its gradient, of the same shape.
    public record Seed(Tensor output, Tensor gradient) {}

    /// Walks back from `output`, whose gradient is `seed` (same shape), and gives each parameter's gradients to `sink`.
    public void backward(Tensor output, Tensor seed, GradientSink sink) {
        backward(List.of(new Seed(output, seed)), sink);
    }

    /// Walks back from several outputs at once, of which no two are one, and gives each parameter's gradients to `sink`.
    /// Runs operators on the current [Compute], which must not record on this tape.
    /// Where its scratch recycles, the memory of whatever the pass has computed, the outputs given here apart, is used again on the way.
    public void backward(List<Seed> outputs, GradientSink sink) {
        for (Seed seed : outputs) {
            check(gradients.put(address(seed.output), seed.gradient) == null, "%s is seeded twice", seed.output);
        }
        Optional<Recycling> recycling = Compute.current().scratch().recycling();
        Spent spent = recycling.isPresent() ? new Spent(recycling.get(), entries, outputs) : null;
        for (Entry entry : entries.reversed()) {
            Tensor[] ofOutputs = new Tensor[entry.outputs.length];
            boolean reached = false;
            for (int i = 0; i < ofOutputs.length; i++) {
                Tensor gradient = gradients.remove(address(entry.outputs[i]));
                ofOutputs[i] = gradient == null ? null : gradient.reshape(entry.outputs[i].shape());
                reached |= gradient != null;
            }
            if (reached) {
                walk(entry, ofOutputs, sink);
            } else {
                skip(entry, sink);
            }
            if (spent != null) {
                spent.walked(entry, gradients.values());
            }
        }
        entries.clear();
    }

    private void walk(Entry entry, Tensor[] ofOutputs, GradientSink sink) {
        int count = entry.inputs.length;
        boolean[] weights = new boolean[count];
        boolean[] wanted = new boolean[count];
        boolean any = false;
        for (int i = 0; i < count; i++) {
            weights[i] = parameters.containsKey(address(entry.inputs[i]));
            wanted[i] = weights[i] || tracked.containsKey(address(entry.inputs[i]));
            any |= wanted[i];
        }
        if (!any) {
            return;
        }
        Tensor[] ofInputs = entry.elsewhere != null ? new Tensor[] {entry.elsewhere.apply(ofOutputs[0])} : Gradients.of(entry.op, entry.inputs, entry.outputs, ofOutputs, wanted, weights, leaves);
        for (int i = 0; i < count; i++) {
            if (!wanted[i]) {
                continue;
            }
            Tensor input = entry.inputs[i];
            Tensor sum = ofInputs[i];
            Tensor former = gradients.get(address(input));
            if (former != null) {
                sum = Compute.one(new Add(), former, sum.reshape(former.shape()));
            }
            if (weights[i]) {
                settle(input, sum, sink);
            } else {
                gradients.put(address(input), sum);
            }
        }
    }

    /// Hands a parameter's gradient on after its last use, else keeps it.
    private void settle(Tensor input, Tensor sum, GradientSink sink) {
        long address = address(input);
        if (uses.merge(address, -1, Integer::sum) == 0) {
            gradients.remove(address);
            sink.accept(parameters.get(address), sum);
        } else {
            gradients.put(address, sum);
        }
    }

    /// An entry that the output does not depend on: it gives its parameters nothing, but counts as one of their uses.
    private void skip(Entry entry, GradientSink sink) {
        for (Tensor input : entry.inputs) {
            long address = address(input);
            if (parameters.containsKey(address) && uses.merge(address, -1, Integer::sum) == 0 && gradients.containsKey(address)) {
                sink.accept(parameters.get(address), gradients.remove(address));
            }
        }
    }

    private boolean isTracked(Op op, Tensor input) {
        long address = input.data().address();
        Long bytes = tracked.get(address);
        if (bytes != null && bytes == input.type().bytes()) {
            return true;
        }
        var below = tracked.floorEntry(address);
        check(below == null || address >= below.getKey() + below.getValue() || input.dtype() != DType.F32,
                "%s takes a slice of a taped value (%s); its gradient would be lost", op.name(), input);
        return false;
    }

    private long address(Tensor tensor) {
        long address = tensor.data().address();
        return rounded.getOrDefault(address, address);
    }
}
