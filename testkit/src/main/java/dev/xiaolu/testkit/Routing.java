package dev.xiaolu.testkit;

import dev.xiaolu.op.ExpertPlan;
import dev.xiaolu.tensor.Reference;
import dev.xiaolu.tensor.Tensor;

/// A router's choice with the plan that the reference makes of it, for tests of what experts do.
///
/// @param chosen  I32 `[rows, count]`
/// @param order   I32 `[rows · count]`
/// @param offsets I32 `[experts + 1]`
/// @param places  I32 `[rows, count]`
public record Routing(Tensor chosen, Tensor order, Tensor offsets, Tensor places) {
    /// A random choice of `count` experts for each row.
    public static Routing of(Inputs inputs, int rows, int count, int experts) {
        return of(inputs, inputs.chosen(rows, count, experts), experts);
    }

    /// The plan of this choice.
    public static Routing of(Inputs inputs, Tensor chosen, int experts) {
        long rows = chosen.shape().axis(0);
        long count = chosen.shape().last();
        Tensor[] plan = {inputs.ints(0, 1, rows * count), inputs.ints(0, 1, experts + 1), inputs.ints(0, 1, rows, count)};
        new Reference().run(new ExpertPlan(experts), new Tensor[] {chosen}, plan);
        return new Routing(chosen, plan[0], plan[1], plan[2]);
    }
}
