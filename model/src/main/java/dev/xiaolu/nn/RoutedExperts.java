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
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.BinaryOperator;

/// The way of tokens to their experts and back: each expert is a gated feed-forward, and a token gets the weighted sum of those chosen for it.
///
/// @param gate `[experts, width, hidden]`
/// @param up   `[experts, width, hidden]`
/// @param down `[experts, hidden, width]`
public record RoutedExperts(Weight gate, Weight up, Weight down) {
    private static final String EXPERTS = ".experts.";
    private static final ScopedValue<ExpertExchange> EXCHANGE = ScopedValue.newInstance();

    /// Which rows meet which expert.
    ///
    /// @param order   `[rows · count]` I32, as [ExpertPlan] gives it
    /// @param offsets `[experts + 1]` I32: where the rows of each expert begin
    /// @param places  `[rows, count]` I32: where each row's copies are
    public record Plan(Tensor order, Tensor offsets, Tensor places) {
        /// The plan of `chosen [rows, count]` I32, ascending in each row.
        public static Plan of(int experts, Tensor chosen) {
            Tensor[] plan = Compute.run(new ExpertPlan(experts), chosen);
            return new Plan(plan[0], plan[1], plan[2]);
        }

        /// Each row once for each of its experts, those of an expert side by side: takes `[rows, hidden]`, gives `[rows · count, hidden]`.
        public Tensor copies(Tensor rows) {
            return Compute.one(new TakeRows(), rows, places);
        }

        /// The weighted sums of what experts made of the copies, `[rows, hidden]`; `weights` are `[rows, count]`.
        public Tensor combine(Tensor pairs, Tensor weights) {
            return Compute.one(new Combine(), pairs, weights, places);
        }
    }

    /// Takes `rows [rows, hidden]`, the plan of what was chosen for them and `weights [rows, count]`, gives `[rows, hidden]`; `gated` joins what gate and up give.
    public Tensor forward(Tensor rows, Plan plan, Tensor weights, BinaryOperator<Tensor> gated) {
        return plan.combine(pairs(plan.copies(rows), plan.order, plan.offsets, gated), weights);
    }

    /// What lies between [Plan#copies] and [Plan#combine]: takes a row for each pair in the order of the plan, gives what its expert makes of it, both `[pairs, hidden]`.
    public Tensor pairs(Tensor x, Tensor order, Tensor offsets, BinaryOperator<Tensor> gated) {
        return linear(gated.apply(linear(x, gate, order, offsets), linear(x, up, order, offsets)), down, order, offsets);
    }

    /// Runs `pass` with the experts of a model worked out by `exchange`, for its thread and as long as it runs.
    public static <T> T exchanging(ExpertExchange exchange, ScopedValue.CallableOp<T, RuntimeException> pass) {
        return ScopedValue.where(EXCHANGE, exchange).call(pass);
    }

    /// Who works out the experts of a model, if they are not all here.
    public static Optional<ExpertExchange> exchange() {
        return EXCHANGE.isBound() ? Optional.of(EXCHANGE.get()) : Optional.empty();
    }

    /// The tensor of a parameter as it is published, the experts of a layer one by one: `mlp.experts.up_proj.weight` gives `mlp.experts.0.up_proj.weight` and so on, views of the same memory.
    /// A tensor of anything else is given as it is.
    public static void oneByOne(String name, Tensor tensor, BiConsumer<String, Tensor> each) {
        oneByOne(name, tensor, 0, each);
    }

    /// The same of some neighbouring experts, of which `first` is the first.
    public static void oneByOne(String name, Tensor tensor, long first, BiConsumer<String, Tensor> each) {
        int experts = name.indexOf(EXPERTS);
        if (experts < 0) {
            each.accept(name, tensor);
            return;
        }
        for (int expert = 0; expert < tensor.shape().axis(0); expert++) {
            each.accept(name.substring(0, experts) + EXPERTS + (first + expert) + "." + name.substring(experts + EXPERTS.length()), tensor.at(expert));
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
