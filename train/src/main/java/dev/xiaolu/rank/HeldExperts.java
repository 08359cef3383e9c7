package dev.xiaolu.rank;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.autograd.Tape;
import dev.xiaolu.nn.ExpertLayer;
import dev.xiaolu.op.Digest;
import dev.xiaolu.optim.GradientSums;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// Works with the experts that lie here, for this rank and for others: takes rows of a leaf, gives what experts make of them; takes gradients, gives those of the rows, and adds those of the weights to the sums of this rank.
///
/// Nothing is kept between the two: rows come with their gradients once more, and the way forward is gone again. It costs a third more, and nothing is left of a pass that was given up.
/// Operators, rows and their order are those of a pass over all experts, so the bits are the same. Its own scratch has the results, which live until the next call; runs on the current [Compute], one thread at a time.
final class HeldExperts implements AutoCloseable {
    private final Replica replica;
    private final Scratch scratch = new Scratch();
    private final Scratch.Mark empty = scratch.mark();

    HeldExperts(Replica replica) {
        this.replica = replica;
    }

    /// A part of a layer's experts, and which rows are whose.
    ///
    /// @param offsets `[experts of the part + 1]`, where the rows of each expert begin
    record Run(long step, int layer, int part, int[] offsets) {
        int rows() {
            return offsets[offsets.length - 1];
        }
    }

    /// What comes back.
    ///
    /// @param ofRows  gradient of the rows
    /// @param digests two numbers for each stack of the layer; empty where they are not wanted
    record Backward(Tensor ofRows, long[] digests) {}

    /// Takes `x [rows, hidden]`, gives `[rows, hidden]`.
    Tensor forward(Run run, Tensor x) {
        scratch.reset(empty);
        return here(() -> layer(run).ofRun(x, order(run), offsets(run), weights(run).stream().map(Parameter::value).toList()));
    }

    /// Takes `x [rows, hidden]` of one leaf and the gradient `dy` of what [#forward] gives.
    ///
    /// @param digests whether digests of the weights' gradients are wanted
    /// @param adds    whether these gradients go into the sums
    Backward backward(Run run, Tensor x, Tensor dy, boolean digests, boolean adds) {
        scratch.reset(empty);
        return here(() -> {
            List<Parameter> weights = weights(run);
            var rows = new Parameter("rows", x);
            var all = new ArrayList<>(weights);
            all.add(rows);
            var tape = new Tape(all, 1);
            Tensor order = order(run), offsets = offsets(run);
            Tensor y = Compute.recording(tape, () -> layer(run).ofRun(x, order, offsets, weights.stream().map(Parameter::value).toList()));
            Tensor[] ofRows = new Tensor[1];
            long[] found = new long[digests ? 2 * weights.size() : 0];
            GradientSums sums = replica.sums(run.step);
            tape.backward(y, dy, (parameter, gradients) -> {
                if (parameter == rows) {
                    ofRows[0] = gradients.at(0);
                    return;
                }
                if (adds) {
                    sums.accept(parameter, gradients);
                }
                if (digests) {
                    int stack = weights.indexOf(parameter);
                    Tensor hashes = digest(sums, gradients, replica.slot(run.step - 1).shards.named(parameter.name()).first());
                    found[2 * stack] = hashes.data().getAtIndex(JAVA_LONG, 0);
                    found[2 * stack + 1] = hashes.data().getAtIndex(JAVA_LONG, 1);
                }
            });
            return new Backward(ofRows[0], found);
        });
    }

    /// What one expert of these weights, each `[1, ...]`, makes of `x [rows, hidden]`: `[rows, hidden]`, contiguous.
    MemorySegment ofOne(ExpertLayer layer, Tensor x, List<Tensor> weights) {
        scratch.reset(empty);
        var all = new Run(0, 0, 0, new int[] {0, (int) x.shape().axis(0)});
        return here(() -> layer.ofRun(x, order(all), offsets(all), weights)).data();
    }

    /// The share of a part of a parameter in the digest of its gradient, as it would be added to a sum.
    private Tensor digest(GradientSums sums, Tensor gradients, long first) {
        Tensor sum = scratch.allocate(new TensorType(DType.I64, gradients.shape().part(1, gradients.shape().rank())));
        Tensor overflow = scratch.allocate(new TensorType(DType.I64, Shape.of(1)));
        sum.data().fill((byte) 0);
        overflow.data().fill((byte) 0);
        Compute.run(sums.adding(), gradients, sum, overflow);
        return Compute.one(new Digest(first), sum);
    }

    private <T> T here(ScopedValue.CallableOp<T, RuntimeException> work) {
        return Compute.call(Compute.current().backend(), scratch, work);
    }

    private ExpertLayer layer(Run run) {
        return replica.slot(run.step - 1).shards.layers().get(run.layer);
    }

    private List<Parameter> weights(Run run) {
        return replica.slot(run.step - 1).shards.of(run.layer, run.part).stream().map(Shards.Shard::parameter).toList();
    }

    private Tensor order(Run run) {
        Tensor order = scratch.allocate(new TensorType(DType.I32, Shape.of(run.rows())));
        for (int i = 0; i < run.rows(); i++) {
            order.data().setAtIndex(JAVA_INT, i, i);
        }
        return order;
    }

    private Tensor offsets(Run run) {
        Tensor offsets = scratch.allocate(new TensorType(DType.I32, Shape.of(run.offsets.length)));
        for (int i = 0; i < run.offsets.length; i++) {
            offsets.data().setAtIndex(JAVA_INT, i, run.offsets[i]);
        }
        return offsets;
    }

    @Override public void close() {
        scratch.close();
    }
}
