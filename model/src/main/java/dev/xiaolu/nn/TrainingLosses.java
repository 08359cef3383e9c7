package dev.xiaolu.nn;

import dev.xiaolu.tensor.Tensor;
import java.util.List;

/// The losses of one pass of training. What is minimised is the next token's plus every other term times its weight.
///
/// @param nextToken mean cross-entropy of the next token in each leaf of work, F32 `[leaves]`: what families are compared by
/// @param terms     the others
public record TrainingLosses(Tensor nextToken, List<Term> terms) {
    public TrainingLosses {
        terms = List.copyOf(terms);
    }

    /// One other loss; several of one name, such as those of all layers, are reported as their sum.
    ///
    /// @param name    what it is, in words of a metric: `balance_loss`
    /// @param perLeaf before the weight, F32 `[leaves]`; a function of the leaf alone
    /// @param weight  its factor in what is minimised
    public record Term(String name, Tensor perLeaf, float weight) {}
}
