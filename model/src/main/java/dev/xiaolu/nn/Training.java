package dev.xiaolu.nn;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.tensor.Tensor;
import java.util.List;
import java.util.Map;

/// How a model is trained: the losses of its passes, and what a step changes that no gradient reaches.
///
/// A step is [#begin], any number of passes over its leaves of work, the optimizer's update, [#updated]. What a step does is a function of the parameters, its number and its sequences;
/// the cut into passes cannot change it. Every method runs on the current [dev.xiaolu.tensor.Compute]; one thread at a time.
public interface Training {
    /// The model that is trained.
    LanguageModel model();

    /// What an optimizer changes by its gradient.
    default List<Parameter> trained() {
        return List.copyOf(model().parameters().all());
    }

    /// Starts step `step`, counted from 1.
    default void begin(long step) {}

    /// The losses of some leaves of work, whole sequences in equal runs of the batch's first axis.
    ///
    /// @param targets       I32 `[batch, seq]`, the token behind each
    /// @param firstSequence the place of the first sequence in the step
    TrainingLosses losses(Batch batch, Tensor targets, int firstSequence, int leaves);

    /// The names that other terms of the losses may have in any step, in the order in which they are told.
    default List<String> terms() {
        return List.of();
    }

    /// What the passes since [#begin] have counted beside losses and gradients, I64, contiguous; the tensors themselves. Those of several ranks, each of which made some of the passes,
    /// may be summed element by element and put in their place before [#updated] and [#routers], which depend on nothing else of the passes.
    default List<Tensor> counts() {
        return List.of();
    }

    /// By how many steps a step's sequences are shown before their turn; 0: not at all.
    default int lead() {
        return 0;
    }

    /// Shows sequences of the step that is [#lead] steps ahead, once the passes of this one are done and before its update; not called where the step is to change nothing.
    default void foresee(Batch batch, Tensor targets, int firstSequence) {}

    /// What must be saved beside parameters and optimizer to go on with the same bits, by name; the tensors themselves, contiguous.
    default Map<String, Tensor> state() {
        return Map.of();
    }

    /// Ends a step whose update is done; not called where the step changed nothing.
    default void updated() {}

    /// Floating-point operations of one token's passes forward at a context of `length` tokens.
    default double flopsPerToken(int length) {
        return model().flopsPerToken(length);
    }

    /// What the routers of experts did in the passes since [#begin]; none in a model without.
    default List<RouterLoad> routers() {
        return List.of();
    }

    /// Training on the next token alone.
    static Training plain(LanguageModel model) {
        return new Training() {
            @Override public LanguageModel model() {
                return model;
            }

            @Override public TrainingLosses losses(Batch batch, Tensor targets, int firstSequence, int leaves) {
                return new TrainingLosses(Losses.perLeaf(model.forward(batch), targets, leaves), List.of());
            }
        };
    }
}
