package dev.xiaolu.models.deepseek4;

import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.models.deepseek4.DeepSeekV4Tensor.Kind;
import dev.xiaolu.shape.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// How tensors are named and cut in files.
enum DeepSeekV4Layout {
    /// As published: names without a prefix, each expert on its own.
    NATIVE,
    /// As the state of transformers' model has it: the experts of a layer in two tensors, no block that predicts one token more.
    TRANSFORMERS;

    /// One tensor in files.
    ///
    /// @param name        its name there
    /// @param shape       its shape where it is not packed
    /// @param keys        the config's keys that imply the shape
    /// @param quantisable whether it may come in codes, with scales beside it
    record Published(String name, Shape shape, String keys, boolean quantisable) {}

    /// The layout of files that hold tensors of these names; `subject` opens the message where it is none.
    static DeepSeekV4Layout of(String subject, Set<String> names) {
        boolean published = names.contains("embed.weight");
        boolean theirs = names.contains("model.embed_tokens.weight");
        checkInput(published || theirs, "%s: neither embed.weight (the published layout) nor model.embed_tokens.weight (transformers) is among the %d tensors, the first is %s",
                subject, names.size(), names.isEmpty() ? "missing too" : names.iterator().next());
        checkInput(!theirs || names.contains("lm_head.weight"), "%s: model.embed_tokens.weight without lm_head.weight: a mixture of layouts, as save_pretrained of transformers writes it;"
                + " wanted the published names, or those of the model's state_dict", subject);
        return published ? NATIVE : TRANSFORMERS;
    }

    /// Whether `tensor` has a place in this layout.
    boolean holds(DeepSeekV4Tensor tensor) {
        return this == NATIVE || !tensor.transformers().isEmpty();
    }

    /// Whether each matrix of `tensor` is a tensor of its own.
    boolean isCut(DeepSeekV4Tensor tensor) {
        return this == NATIVE && tensor.kind() == Kind.EXPERTS;
    }

    /// The tensor that holds `tensor`, or its matrix `expert` where the layout cuts it.
    String name(DeepSeekV4Tensor tensor, long expert) {
        if (this == TRANSFORMERS) {
            return tensor.transformers();
        }
        return isCut(tensor) ? tensor.name().replace(".experts.", ".experts." + expert + ".") : tensor.name();
    }

    /// The tensor with the scales of `name`.
    String scales(String name) {
        return this == TRANSFORMERS ? name + "_scale_inv" : name.replaceFirst("\\.weight$", ".scale");
    }

    /// The row of the published tensor at which `tensor` begins.
    long rowsFrom(DeepSeekV4Tensor tensor) {
        return this == TRANSFORMERS ? tensor.rowsFrom() : 0;
    }

    /// All tensors of files that hold `tensor`; gate and up projections give the same one in transformers' layout.
    List<Published> published(DeepSeekV4Tensor tensor) {
        Shape shape = tensor.shape();
        var all = new ArrayList<Published>();
        if (isCut(tensor)) {
            for (long expert = 0; expert < shape.axis(0); expert++) {
                all.add(new Published(name(tensor, expert), shape.part(1, 3), tensor.keys(1), true));
            }
        } else if (this == TRANSFORMERS && tensor.transformers().endsWith(".gate_up_proj")) {
            all.add(new Published(tensor.transformers(), shape.with(1, 2 * shape.axis(1)), tensor.keys(0).replace("moe_", "2 · moe_"), true));
        } else {
            all.add(new Published(name(tensor, 0), shape, tensor.keys(0), tensor.isQuantisable()));
        }
        return all;
    }
}
