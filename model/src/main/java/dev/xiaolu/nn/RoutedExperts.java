package dev.xiaolu.nn;

import dev.xiaolu.op.Cast;
import dev.xiaolu.op.Combine;
import dev.xiaolu.op.ExpertLinear;
import dev.xiaolu.op.ExpertPlan;
import dev.xiaolu.op.TakeRows;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import java.util.function.BiConsumer;
import java.util.function.BinaryOperator;

/// The way of tokens to their experts and back: each expert is a gated feed-forward, and a token gets the weighted sum of those chosen for it.
///
/// @param gate `[experts, width, hidden]`
/// @param up   `[experts, width, hidden]`
/// @param down `[experts, hidden, width]`
public record RoutedExperts(Weight gate, Weight up, Weight down) {
    private static final String EXPERTS = ".experts.";

    /// Takes `rows [rows, hidden]`, `chosen [rows, count]` I32, ascending in each row, and `weights [rows, count]`, gives `[rows, hidden]`; `gated` joins what gate and up give.
    public Tensor forward(Tensor rows, Tensor chosen, Tensor weights, BinaryOperator<Tensor> gated) {
        Tensor[] plan = Compute.run(new ExpertPlan((int) gate.shape().axis(0)), chosen);
        Tensor order = plan[0];
        Tensor offsets = plan[1];
        Tensor places = plan[2];
        Tensor copies = Compute.one(new TakeRows(), rows, places);                       // [rows · count, hidden]
        Tensor h = gated.apply(linear(copies, gate, order, offsets), linear(copies, up, order, offsets));
        return Compute.one(new Combine(), linear(h, down, order, offsets), weights, places);
    }

    /// The tensor of a parameter as it is published, the experts of a layer one by one: `mlp.experts.up_proj.weight` gives `mlp.experts.0.up_proj.weight` and so on, views of the same memory.
    /// A tensor of anything else is given as it is.
    public static void oneByOne(String name, Tensor tensor, BiConsumer<String, Tensor> each) {
        int experts = name.indexOf(EXPERTS);
        if (experts < 0) {
            each.accept(name, tensor);
            return;
        }
        for (int expert = 0; expert < tensor.shape().axis(0); expert++) {
            each.accept(name.substring(0, experts) + EXPERTS + expert + "." + name.substring(experts + EXPERTS.length()), tensor.at(expert));
        }
    }

    private static Tensor linear(Tensor x, Weight weight, Tensor order, Tensor offsets) {
        return weight.isHeld() ? Compute.one(new ExpertLinear(false), x, weight.held(), order, offsets) : ofChosen(x, weight, offsets);
    }

    /// The same, reading the matrices of those experts alone that some token chose.
    private static Tensor ofChosen(Tensor x, Weight weight, Tensor offsets) {
        Scratch scratch = Compute.current().scratch();
        Tensor y = scratch.allocate(TensorType.f32(x.shape().with(-1, weight.shape().axis(1))));
        for (int expert = 0; expert < weight.shape().axis(0); expert++) {
            long from = offsets.getInt(expert);
            long to = offsets.getInt(expert + 1);
            if (from < to) {
                Scratch.Mark before = scratch.mark();
                Compute.into(new Cast(DType.F32), new Tensor[] {weight.at(expert).linear(x.slice(0, from, to))}, y.slice(0, from, to));
                scratch.reset(before);
            }
        }
        return y;
    }
}
