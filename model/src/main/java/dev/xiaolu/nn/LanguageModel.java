package dev.xiaolu.nn;

import dev.xiaolu.tensor.Tensor;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A causal language model as training, evaluation and generation see it. Every method runs on the current [dev.xiaolu.tensor.Compute].
public interface LanguageModel {
    /// All parameters under their published names.
    Parameters parameters();

    /// How many numbers they are.
    default ParameterCount parameterCount() {
        return ParameterCount.of(parameters().count());
    }

    /// Number of tokens known.
    int vocabSize();

    /// The longest sequence, in tokens.
    int contextLength();

    /// Takes a batch of whole sequences, gives logits F32 `[batch, seq, vocab]`.
    Tensor forward(Batch batch);

    /// Takes tokens that continue the cached context and adds them to the cache, which this model made; gives logits F32 `[1, seq, vocab]`, the bits of [#forward] over the whole context.
    Tensor forward(Batch batch, ContextCache cache);

    /// An empty cache for up to `capacity` tokens of one sequence.
    ContextCache newCache(int capacity);

    /// A new context for up to `capacity` tokens with a part of the model that guesses what follows, where the model has one.
    default Optional<Drafter> newDrafter(int capacity) {
        return Optional.empty();
    }

    /// Weights that a matrix optimizer may take: matrices that map hidden states to hidden states, not embeddings, head, norms.
    boolean isHiddenMatrix(String name);

    /// Weights whose rows are looked up by token, so that a step changes by gradient only those of its own tokens; where the head is tied to them, that too.
    boolean isEmbedding(String name);

    /// The layers whose experts may be worked out elsewhere, in the order of the model; none in a dense model.
    default List<ExpertLayer> expertLayers() {
        return List.of();
    }

    /// Floating-point operations of one token's forward pass at a context of `length` tokens, two for each multiply-add, attention counted on the visible half.
    double flopsPerToken(int length);

    /// Tensors by parameter, such as gradients, under the names and in the pieces of the published weights: views of the same memory. What is no parameter stays as it is.
    default Map<String, Tensor> published(Map<String, Tensor> byParameter) {
        return byParameter;
    }
}
