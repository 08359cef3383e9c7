"""Records tiny random checkpoints of the qwen3_moe family with what transformers makes of them, in fp32 on the CPU.

For each model: a checkpoint in the published layout, logits of some sequences, loss and gradients of one batch. Two programs may choose
other experts where probabilities nearly tie, so tokens are drawn anew until every choice is clear.
"""

import json
import math
import re

import torch
from torch.nn.functional import linear
from transformers import AutoModelForCausalLM
from transformers.models.qwen3_moe.modeling_qwen3_moe import Qwen3MoeTopKRouter

import golden
from llama import next_token_loss, random_tokens, write_checkpoint

GAP = 16

PUBLISHED = {
    "architectures": ["Qwen3MoeForCausalLM"],
    "model_type": "qwen3_moe",
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "decoder_sparse_step": 1,
    "eos_token_id": 2,
    "head_dim": 16,
    "hidden_act": "silu",
    "hidden_size": 48,
    "initializer_range": 0.02,
    "intermediate_size": 112,
    "max_position_embeddings": 512,
    "max_window_layers": 3,
    "mlp_only_layers": [0],
    "moe_intermediate_size": 20,
    "norm_topk_prob": True,
    "num_attention_heads": 4,
    "num_experts": 9,
    "num_experts_per_tok": 3,
    "num_hidden_layers": 3,
    "num_key_value_heads": 2,
    "output_router_logits": False,
    "rms_norm_eps": 1e-6,
    "rope_scaling": None,
    "rope_theta": 1000000.0,
    "router_aux_loss_coef": 0.001,
    "sliding_window": None,
    "tie_word_embeddings": False,
    "torch_dtype": "float32",
    "transformers_version": "4.51.0",
    "use_cache": True,
    "use_sliding_window": False,
    "vocab_size": 211,
}

# What later versions of transformers write: other keys for the experts and the rotation.
LATER = {k: v for k, v in PUBLISHED.items() if k not in ("num_experts", "rope_scaling", "rope_theta", "torch_dtype")} | {
    "dtype": "bfloat16",
    "decoder_sparse_step": 2,
    "mlp_only_layers": [],
    "norm_topk_prob": False,
    "num_experts_per_tok": 2,
    "num_hidden_layers": 2,
    "num_local_experts": 8,
    "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
    "tie_word_embeddings": True,
}

# name: config, lengths of the sequences with recorded logits, number of safetensors files
MODELS = {"renormed": (PUBLISHED, [1, 17, 150], 3), "as_they_are_bf16": (LATER, [5, 130], 1)}


def shapes(c):
    """Name and shape of every tensor in the published layout."""
    d, heads, kv, dim = c["hidden_size"], c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"]

    def feed_forward(prefix, width):
        return {prefix + "gate_proj": (width, d), prefix + "up_proj": (width, d), prefix + "down_proj": (d, width)}

    result = {"model.embed_tokens": (c["vocab_size"], d)}
    for layer in range(c["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        result |= {at + "input_layernorm": (d,), at + "post_attention_layernorm": (d,), at + "self_attn.q_norm": (dim,), at + "self_attn.k_norm": (dim,),
                   at + "self_attn.q_proj": (heads * dim, d), at + "self_attn.k_proj": (kv * dim, d), at + "self_attn.v_proj": (kv * dim, d),
                   at + "self_attn.o_proj": (d, heads * dim)}
        if layer in c["mlp_only_layers"] or (layer + 1) % c["decoder_sparse_step"] != 0:
            result |= feed_forward(at + "mlp.", c["intermediate_size"])
        else:
            experts = c.get("num_experts", c.get("num_local_experts"))
            result[at + "mlp.gate"] = (experts, d)
            for expert in range(experts):
                result |= feed_forward(f"{at}mlp.experts.{expert}.", c["moe_intermediate_size"])
    result["model.norm"] = (d,)
    return {name + ".weight": shape for name, shape in (result if c["tie_word_embeddings"] else result | {"lm_head": (c["vocab_size"], d)}).items()}


def random_weights(c, seed):
    """Weights with lively attention, routers that decide, and norms that are not all ones."""
    draw = golden.generator(seed)
    weights = {}
    for name, shape in shapes(c).items():
        noise = torch.randn(shape, generator=draw)
        lively = 1.5 if re.search(r"q_proj|k_proj|mlp\.gate\.", name) else 1.0
        weights[name] = 1 + 0.2 * noise if len(shape) == 1 else noise if "embed_tokens" in name else noise * lively / math.sqrt(shape[1])
    return weights


def open_model(path, dtype=torch.float32):
    """transformers' model; its routers take the softmax in fp32 whatever the type, so in fp64 they are replaced by the same formula."""
    model, info = AutoModelForCausalLM.from_pretrained(path, dtype=dtype, attn_implementation="eager", experts_implementation="eager", output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], info
    model.config.use_cache = False
    if dtype == torch.float64:
        for gate in routers(model):
            gate.forward = lambda x, gate=gate: exact_choice(gate, x)
    return model.eval()


def exact_choice(gate, x):
    logits = linear(x.reshape(-1, x.shape[-1]), gate.weight)
    weights, chosen = logits.softmax(-1).topk(gate.top_k, -1)
    return logits, weights / weights.sum(-1, keepdim=True) if gate.norm_topk_prob else weights, chosen


def routers(model):
    return [module for module in model.modules() if isinstance(module, Qwen3MoeTopKRouter)]


def probabilities(model, tokens):
    """What every router makes of these sequences: one `[tokens, experts]` for each sparse layer; in fp64, from logits in the model's own type."""
    seen = []
    hooks = [layer.mlp.register_forward_pre_hook(lambda module, args: seen.append(linear(args[0].flatten(0, 1), module.gate.weight).double().softmax(-1)))
             for layer in model.model.layers if hasattr(layer.mlp, "gate")]
    with torch.no_grad():
        model(input_ids=tokens)
    for hook in hooks:
        hook.remove()
    return seen


def narrowest_gap(model, exact, tokens):
    """Between the last chosen and the first not chosen, as a multiple of the noise of the probabilities in that layer."""
    narrowest = math.inf
    for p, q in zip(probabilities(exact, tokens), probabilities(model, tokens), strict=True):
        k = routers(model)[0].top_k
        ranked = p.sort(1, descending=True).values
        narrowest = min(narrowest, ((ranked[:, k - 1] - ranked[:, k]).min() / (p - q).abs().max()).item())
    return narrowest


def clear_tokens(model, exact, shape, vocab, seed):
    """Tokens of this shape whose every choice is clear, and the narrowest gap."""
    for attempt in range(1000):
        tokens = random_tokens(shape, vocab, golden.generator(seed + attempt))
        gap = narrowest_gap(model, exact, tokens.reshape(-1, shape[-1]))
        if gap >= GAP:
            return tokens, gap
    raise SystemExit("no tokens with wide gaps found")


def gradients(model, batch):
    """The loss, and each tensor's gradient under its published name: transformers holds the experts of a layer in one tensor, gate above up."""
    model.zero_grad(set_to_none=True)
    loss = next_token_loss(model, batch)
    loss.backward()
    found = {}
    for name, parameter in model.named_parameters():
        if not name.endswith(("experts.gate_up_proj", "experts.down_proj")):
            found[name] = parameter.grad
            continue
        prefix, which = name.rsplit(".", 1)
        for expert, grad in enumerate(parameter.grad):
            parts = {"down_proj": grad} if which == "down_proj" else dict(zip(("gate_proj", "up_proj"), grad.chunk(2)))
            found |= {f"{prefix}.{expert}.{part}.weight": g for part, g in parts.items()}
    return loss, found


def record(name, config_json, lengths, files, seed):
    path = golden.folder("qwen3moe/" + name)
    checkpoint = path / "model"
    checkpoint.mkdir()
    bf16 = "bfloat16" in (config_json.get("torch_dtype"), config_json.get("dtype"))
    vocab = config_json["vocab_size"]
    weights = random_weights(config_json, seed)

    # The last norm scales the logits, also where the head is the embedding.
    write_checkpoint(checkpoint, config_json, weights, 1)
    with torch.no_grad():
        largest = open_model(checkpoint)(input_ids=random_tokens((1, 200), vocab, golden.generator(seed + 1))).logits.abs().max()
    weights["model.norm.weight"] *= 4 / largest
    (checkpoint / "model.safetensors").unlink()
    write_checkpoint(checkpoint, config_json, {n: w.to(torch.bfloat16 if bf16 else torch.float32) for n, w in weights.items()}, files)

    model, exact = open_model(checkpoint), open_model(checkpoint, torch.float64)
    tensors, gaps, rounding = {}, [], 0.0
    for length in lengths:
        tokens, gap = clear_tokens(model, exact, (length,), vocab, seed + 1000 + length)
        gaps.append(gap)
        with torch.no_grad():
            logits = model(input_ids=tokens[None]).logits[0]
            rounding = max(rounding, (logits - exact(input_ids=tokens[None]).logits[0]).abs().max().item())
        tensors |= {f"tokens.{length}": tokens, f"logits.{length}": logits}
    golden.write_tensors(path / "logits.safetensors", tensors)

    batch, gap = clear_tokens(model, exact, (3, 40), vocab, seed + 3000)
    gaps.append(gap)
    (path / "batch.json").write_text(json.dumps(batch.tolist()) + "\n")
    loss, grads = gradients(model, batch)
    truth = gradients(exact, batch)[1]
    assert set(grads) == set(weights)
    off = {n: ((grads[n] - t).norm() / t.norm()).item() for n, t in truth.items()}
    worst = max(off, key=off.get)
    golden.write_tensors(path / "grads.safetensors", {"loss": loss} | grads)
    golden.write_note(path, "transformers Qwen3MoeForCausalLM, eager attention and experts, fp32, CPU, one thread", __file__, lengths=lengths,
                      router_gap=round(min(gaps), 1), logits_rounding=rounding, gradient_rounding=off[worst], gradient_rounding_in=worst)
    print(f"{name}: |logits| <= {tensors[f'logits.{lengths[-1]}'].abs().max():.3f}, rounding {rounding:.1e}, gap {min(gaps):.1f}, loss {loss.item():.4f}, "
          f"gradients {off[worst]:.1e} in {worst}, tensors {len(grads)}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for number, (name, (config_json, lengths, files)) in enumerate(MODELS.items()):
        record(name, config_json, lengths, files, seed=5000 * (number + 1))
