package dev.xiaolu.nn;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.tensor.Tensor;
import java.util.List;

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
    /// @param targets I32 `[batch, seq]`, the token behind each
    TrainingLosses losses(Batch batch, Tensor targets, int leaves);

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

            @Override public TrainingLosses losses(Batch batch, Tensor targets, int leaves) {
                return new TrainingLosses(Losses.perLeaf(model.forward(batch), targets, leaves), List.of());
            }
        };
    }
}
