package dev.xiaolu.nn;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.tensor.Tensor;
import java.util.List;

/// The routed experts of one layer, of which any run of neighbours can be worked out by itself, wherever its weights are. Runs on the current [dev.xiaolu.tensor.Compute].
public interface ExpertLayer {
    /// The layer's name, for example `layers.3`.
    String layer();

    /// The weights of all experts, each `[experts, ...]`; the first are `[experts, width, hidden]`.
    List<Parameter> stacks();

    /// Takes rows `x [pairs, hidden]` of a run of experts, gives what these make of them, `[pairs, hidden]`. No row depends on another.
    ///
    /// @param order   I32 `[pairs]`, ascending within each expert
    /// @param offsets I32 `[experts of the run + 1]`: where the rows of each begin
    /// @param weights the run's part of each of [#stacks]
    Tensor ofRun(Tensor x, Tensor order, Tensor offsets, List<Tensor> weights);
}
