package dev.xiaolu.nn;

import dev.xiaolu.tensor.Tensor;

/// Works out what the routed experts of a model make of their rows, where these experts are not all in the model's own memory. Bound around a pass by [RoutedExperts#exchanging]; runs on the current [dev.xiaolu.tensor.Compute].
@FunctionalInterface
public interface ExpertExchange {
    /// Takes a row for each pair of `plan`, in its order, gives what the pair's expert of `layer` makes of it, both `[pairs, hidden]`: the bits of [ExpertLayer#ofRun] over all experts.
    /// Tells the recorder of the current [dev.xiaolu.tensor.Compute], if there is one, how gradients come back.
    Tensor forward(ExpertLayer layer, Tensor x, RoutedExperts.Plan plan);
}
