package dev.xiaolu.models.deepseek4;

import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.models.deepseek4.DeepSeekV4Tensor.Kind;
import dev.xiaolu.shape.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// How tensors are named and cut in files.
enum DeepSeekV4Layout {
    /// As published: names without a prefix, each expert on its own.
    NATIVE,
    /// As the state of transformers' model has it: the experts of a layer in two tensors, no block that predicts one token more.
    TRANSFORMERS,
    /// As `save_pretrained` of transformers writes it: published names below `model`, but for a few, without that block.
    SAVED;

    /// Native names that [#SAVED] has otherwise.
    private static final Map<String, String> RENAMED = Map.of("embed.weight", "model.embed_tokens.weight", "head.weight", "head.weight",
            "hc_head_fn", "model.hc_head.hc_fn", "hc_head_base", "model.hc_head.hc_base", "hc_head_scale", "model.hc_head.hc_scale");

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
        boolean saved = theirs && names.contains("head.weight");
        checkInput(published || saved || names.contains("lm_head.weight"), "%s: model.embed_tokens.weight without lm_head.weight (the state of transformers' model) or head.weight (its save_pretrained); wanted one of them",
                subject);
        return published ? NATIVE : saved ? SAVED : TRANSFORMERS;
    }

    /// Whether `tensor` has a place in this layout.
    boolean holds(DeepSeekV4Tensor tensor) {
        return this == NATIVE || !tensor.transformers().isEmpty();
    }

    /// Whether each matrix of `tensor` is a tensor of its own.
    boolean isCut(DeepSeekV4Tensor tensor) {
        return this != TRANSFORMERS && tensor.kind() == Kind.EXPERTS;
    }

    /// The tensor that holds `tensor`, or its matrix `expert` where the layout cuts it.
    String name(DeepSeekV4Tensor tensor, long expert) {
        if (this == TRANSFORMERS) {
            return tensor.transformers();
        }
        String name = isCut(tensor) ? tensor.name().replace(".experts.", ".experts." + expert + ".") : tensor.name();
        return this == NATIVE ? name : RENAMED.getOrDefault(name, "model." + name.replace(".attn.kv_norm.", ".attn.norm."));
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
