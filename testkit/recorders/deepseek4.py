"""Records what transformers and PyTorch make of tiny DeepSeek-V4 models, in fp32 on the CPU.

Multi-token prediction, which transformers lacks, comes from `deepseek4_plain`.

The weights are generated (`golden_weights`), so a golden holds a config and the shapes of the tensors but no checkpoint. A choice of experts or of
compressed entries is only as good as the gap to the next candidate: prompts and batches are searched until every gap is wide beside the noise of fp32.
"""

import json
import math
import re
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy, softplus
from transformers import AutoModelForCausalLM
from transformers.models.deepseek_v4.modeling_deepseek_v4 import DeepseekV4Indexer, DeepseekV4TopKRouter

import golden
import golden_weights
from deepseek4_plain import Plain
from llama import LEARNING_RATE, STEPS, random_tokens

LENGTHS = [1, 3, 4, 5, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 300]
ROWS = [0, 3, 4, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 299]
GAP = 16                    # how many times the noise of its scores the gap at a choice must be
NUDGES = [3e-6] * 3 + [1e-6] * 4  # largest relative changes of every weight that must leave each choice of ten steps as it is,
STEADY = 3e-6                     # and the smallest of which may move no loss by more than this, relatively

TINY = {
    "architectures": ["DeepseekV4ForCausalLM"],
    "model_type": "deepseek_v4",
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "hc_eps": 1e-6,
    "hc_mult": 4,
    "hc_sinkhorn_iters": 20,
    "hidden_act": "silu",
    "index_n_heads": 16,
    "initializer_range": 0.02,
    "n_routed_experts": 8,
    "n_shared_experts": 1,
    "norm_topk_prob": True,
    "num_attention_heads": 4,
    "num_experts_per_tok": 2,
    "num_hash_layers": 3,
    "num_hidden_layers": 7,
    "num_key_value_heads": 1,
    "num_nextn_predict_layers": 1,
    "o_groups": 2,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "compress_rope_theta": 160000.0,
    "routed_scaling_factor": 1.5,
    "scoring_func": "sqrtsoftplus",
    "swiglu_limit": 10.0,
    "tie_word_embeddings": False,
    "topk_method": "noaux_tc",
    "torch_dtype": "float32",
}


def yarn(original):
    return {"type": "yarn", "factor": 16.0, "original_max_position_embeddings": original, "beta_fast": 32.0, "beta_slow": 1.0}


TINY_A = TINY | {
    "compress_ratios": [0, 0, 4, 32, 4, 32, 4, 0],
    "head_dim": 32,
    "hidden_size": 64,
    "index_head_dim": 16,
    "index_topk": 8,
    "max_position_embeddings": 1024,
    "moe_intermediate_size": 64,
    "o_lora_rank": 16,
    "q_lora_rank": 32,
    "qk_rope_head_dim": 8,
    "rope_scaling": yarn(64),
    "sliding_window": 16,
    "vocab_size": 512,
}

TINY_B = TINY | {
    "compress_ratios": [0, 0, 4, 128, 4, 128, 4, 0],
    "head_dim": 128,
    "hidden_size": 256,
    "index_head_dim": 128,
    "index_topk": 16,
    "max_position_embeddings": 4096,
    "moe_intermediate_size": 128,
    "o_lora_rank": 128,
    "q_lora_rank": 128,
    "qk_rope_head_dim": 64,
    "rope_scaling": yarn(256),
    "sliding_window": 32,
    "vocab_size": 1024,
}

MODELS = {"tiny_a": TINY_A, "tiny_b": TINY_B}

VARIANTS = {
    "tiny_a_clamped": TINY_A | {"swiglu_limit": 0.05},
    "tiny_a_dense": TINY_A | {"index_topk": 64},
    "tiny_a_pro": TINY_A | {"compress_ratios": [32, 32, 4, 32, 4, 32, 4, 0]},
}

# Gradients recorded whole: of every kind of tensor, in a layer of every kind of attention and router. Tensors larger than this only by their norm.
LARGEST_GRADIENT = 16384
GRADIENT_TENSORS = re.compile(r"norm\.weight|hc_head_.*|layers\.[0236]\.(hc_.*|.*norm\.weight|attn\.(?!indexer).*|ffn\.gate\..*|ffn\.experts\.[25]\..*)")
EMBED_ROWS = 32


def shapes(config):
    """Published name and shape of every tensor, `mtp.0` last."""
    c = config
    d, streams, width, latent = c["hidden_size"], c["hc_mult"], c["head_dim"], c["q_lora_rank"]
    heads, groups, experts, inter = c["num_attention_heads"], c["o_groups"], c["n_routed_experts"], c["moe_intermediate_size"]

    def linear(name, rows, columns):
        return {name + ".weight": (rows, columns)}

    def norm(name, size=d):
        return {name + ".weight": (size,)}

    def hyper(at, rows, scales):
        return {at + "fn": (rows, streams * d), at + "base": (rows,), at + "scale": (scales,)}

    def compressor(at, ratio, channels):
        channels_in = channels * (2 if ratio == 4 else 1)
        return (linear(at + "wkv", channels_in, d) | linear(at + "wgate", channels_in, d) | {at + "ape": (ratio, channels_in)} | norm(at + "norm", channels))

    def block(at, ratio, hashed):
        result = norm(at + "attn_norm") | norm(at + "ffn_norm")
        result |= hyper(at + "hc_attn_", streams * (streams + 2), 3) | hyper(at + "hc_ffn_", streams * (streams + 2), 3)
        a, f = at + "attn.", at + "ffn."
        result |= linear(a + "wq_a", latent, d) | norm(a + "q_norm", latent) | linear(a + "wq_b", heads * width, latent)
        result |= linear(a + "wkv", width, d) | norm(a + "kv_norm", width) | {a + "attn_sink": (heads,)}
        result |= linear(a + "wo_a", groups * c["o_lora_rank"], heads * width // groups) | linear(a + "wo_b", d, groups * c["o_lora_rank"])
        if ratio:
            result |= compressor(a + "compressor.", ratio, width)
        if ratio == 4:
            index_heads, index_width = c["index_n_heads"], c["index_head_dim"]
            result |= linear(a + "indexer.wq_b", index_heads * index_width, latent) | linear(a + "indexer.weights_proj", index_heads, d)
            result |= compressor(a + "indexer.compressor.", ratio, index_width)
        result |= linear(f + "gate", experts, d)
        result |= {f + "gate.tid2eid": (c["vocab_size"], c["num_experts_per_tok"])} if hashed else {f + "gate.bias": (experts,)}
        for expert in [f"experts.{e}." for e in range(experts)] + ["shared_experts."]:
            result |= linear(f + expert + "w1", inter, d) | linear(f + expert + "w2", d, inter) | linear(f + expert + "w3", inter, d)
        return result

    result = linear("embed", c["vocab_size"], d) | linear("head", c["vocab_size"], d) | norm("norm") | hyper("hc_head_", streams, 1)
    for layer in range(c["num_hidden_layers"]):
        result |= block(f"layers.{layer}.", c["compress_ratios"][layer], layer < c["num_hash_layers"])
    m = "mtp.0."
    result |= block(m, c["compress_ratios"][-1], False) | linear(m + "e_proj", d, d) | linear(m + "h_proj", d, d)
    return result | norm(m + "enorm") | norm(m + "hnorm") | norm(m + "norm") | hyper(m + "hc_head_", streams, 1)


def generated(config):
    def tensor(name, shape):
        if name.endswith("tid2eid"):
            return golden_weights.experts_of_tokens(name, *shape, config["n_routed_experts"])
        return golden_weights.values(name, shape)

    return {name: tensor(name, shape) for name, shape in shapes(config).items()}


def open_model(config, weights):
    """transformers' model, read from a checkpoint in the published layout; rates other than 4 and 128 need its own config keys."""
    kinds = ["sliding_attention" if r == 0 else "compressed_sparse_attention" if r == 4 else "heavily_compressed_attention" for r in config["compress_ratios"][:-1]]
    heavy = max(config["compress_ratios"])
    own = {k: v for k, v in config.items() if k not in ("compress_ratios", "rope_scaling")} | {
        "layer_types": kinds,
        "compress_rates": {"compressed_sparse_attention": 4, "heavily_compressed_attention": heavy},
        "rope_parameters": {("rope_type" if k == "type" else k): v for k, v in config["rope_scaling"].items()},
    }
    with tempfile.TemporaryDirectory() as folder:
        golden.write_json(Path(folder) / "config.json", own)
        save_file(weights, Path(folder) / "model.safetensors", metadata={"format": "pt"})
        model, info = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager",
                                                           output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], info
    model.config.use_cache = False
    assert all(torch.equal(part(model, name), w) for name, w in weights.items() if not name.startswith("mtp.")), "a tensor was read into another place"
    return model.eval()


HERE = [
    (r"^embed\.", "model.embed_tokens."), (r"^head\.", "lm_head."), (r"^norm\.", "model.norm."), (r"^hc_head_", "model.hc_head.hc_"),
    (r"^layers", "model.layers"), (r"\.attn_norm\.", ".input_layernorm."), (r"\.ffn_norm\.", ".post_attention_layernorm."),
    (r"\.hc_(attn|ffn)_", r".\1_hc."), (r"\.attn\.indexer\.weights_proj", ".attn.compressor.indexer.scorer.weights_proj"),
    (r"\.attn\.indexer\.wq_b", ".attn.compressor.indexer.q_b_proj"), (r"\.attn\.indexer\.compressor\.", ".attn.compressor.indexer."),
    (r"\.(compressor|indexer)\.norm\.", r".\1.kv_norm."), (r"\.attn\.q_norm\.", ".attn.q_a_norm."), (r"\.ape$", ".position_bias"),
    (r"\.wkv\.", ".kv_proj."), (r"\.wgate\.", ".gate_proj."), (r"\.w([qo])_([ab])\.", r".\1_\2_proj."), (r"\.attn_sink$", ".sinks"),
    (r"\.attn\.", ".self_attn."), (r"\.ffn\.", ".mlp."), (r"\.gate\.bias$", ".gate.e_score_correction_bias"),
    (r"shared_experts\.w1", "shared_experts.gate_proj"), (r"shared_experts\.w2", "shared_experts.down_proj"), (r"shared_experts\.w3", "shared_experts.up_proj"),
]


def part(model, name, of=lambda tensor: tensor):
    """The tensor of this published name inside transformers' model, or what `of` makes of the whole that it lies in."""
    for pattern, replacement in HERE:
        name = re.sub(pattern, replacement, name)
    expert = re.fullmatch(r"(.*\.experts)\.(\d+)\.w([123])\.weight", name)
    if not expert:
        return of(get(model, name))
    fused = of(get(model, expert[1] + (".down_proj" if expert[3] == "2" else ".gate_up_proj")))[int(expert[2])]
    return fused if expert[3] == "2" else fused.chunk(2)[0 if expert[3] == "1" else 1]


def get(model, name):
    for step in name.split("."):
        model = getattr(model, step)
    return model


def trained(weights):
    """Names of what the loss trains: not `mtp`, not the table and the bias that only choose experts."""
    return [n for n in weights if not n.startswith("mtp.") and not n.endswith(("tid2eid", "gate.bias"))]


def gradient(whole):
    """Where the loss does not depend on a tensor, PyTorch has no gradient: zeros."""
    return torch.zeros_like(whole) if whole.grad is None else whole.grad


def watched(model, tokens):
    """Logits, the streams after each layer, and the scores at each choice, of one sequence."""
    states, scores, hooks = [], {}, []
    for i, layer in enumerate(model.model.layers):
        hooks.append(layer.register_forward_hook(lambda module, args, y: states.append(y[0])))
        gate = layer.mlp.gate
        if not layer.mlp.is_hash:
            hooks.append(gate.register_forward_hook(
                lambda module, args, y, at=f"layers.{i}.ffn.": scores.update({at: softplus(y[0]).sqrt() + module.e_score_correction_bias})))
        compressor = layer.self_attn.compressor
        if hasattr(compressor, "indexer"):
            hooks.append(compressor.indexer.scorer.register_forward_hook(
                lambda module, args, y, at=f"layers.{i}.attn.indexer.": scores.update({at: y[0]})))
    with torch.no_grad():
        logits = model(input_ids=tokens[None]).logits[0]
    for hook in hooks:
        hook.remove()
    return logits, states, scores


def gaps(choices, noisy):
    """The narrowest gap at each place of choice between the last chosen and the first not chosen, as a multiple of the noise of the scores there."""
    result = {}
    for at, (scores, k) in choices.items():
        seen = scores.isfinite()
        noise = (noisy[at] - scores)[seen].abs().max().item() if seen.any() else 0.0
        torn = seen.sum(1) > k
        if torn.any():
            ranked = scores[torn].sort(1, descending=True).values
            result[at] = (ranked[:, k - 1] - ranked[:, k]).min().item() / noise
    return result


def wide_gaps(config, weights, model, shape, seed):
    """Tokens of this shape whose every choice is clear, with the narrowest gap of each kind."""
    for attempt in range(1000):
        tokens = random_tokens(shape, config["vocab_size"], golden.generator(seed + attempt))
        narrowest = {"router_gap": math.inf, "indexer_gap": math.inf}
        for row in tokens.reshape(-1, shape[-1]):
            exact = Plain(config, weights, torch.float64)
            exact.logits(row)
            for at, gap in gaps(exact.choices, watched(model, row)[2]).items():
                which = "router_gap" if at.endswith("ffn.") else "indexer_gap"
                narrowest[which] = min(narrowest[which], gap)
        if min(narrowest.values()) >= GAP:
            return tokens, {"seed": seed + attempt} | {k: round(v, 1) for k, v in narrowest.items() if v < math.inf}
    raise SystemExit("no prompt with wide gaps found")


def next_token_loss(logits, batch):
    return cross_entropy(logits[:, :-1].flatten(0, 1), batch[:, 1:].flatten())


def record_logits(path, config, weights, model, length, seed):
    tokens, facts = wide_gaps(config, weights, model, (length,), seed)
    logits, states, _ = watched(model, tokens)
    with torch.no_grad():
        plain = Plain(config, weights, torch.float32).logits(tokens)
        exact = Plain(config, weights, torch.float64).logits(tokens)
        prefix = max((watched(model, tokens[:n])[0] - logits[:n]).abs().max().item() for n in LENGTHS if n < length)
    facts |= {"logits_rounding": (logits - exact).abs().max().item(), "plain_difference": (logits - plain).abs().max().item(), "prefix_difference": prefix}
    assert max(facts["plain_difference"], prefix) <= 2e-5, facts
    golden.write_tensors(path / "logits.safetensors", {f"tokens.{length}": tokens, f"logits.{length}": logits})
    print(f"{path.name}: |logits| <= {logits.abs().max():.3f}, std {logits.std():.3f}, {facts}")
    return tokens, states, facts


def record_mtp(path, config, weights, tokens):
    """Logits for the first 100 positions of the prompt, from an fp32 run of `deepseek4_plain`, and how far fp64 is."""
    tokens = tokens[:101]
    plain, exact = Plain(config, weights, torch.float32), Plain(config, weights, torch.float64)
    with torch.no_grad():
        logits, truth = plain.mtp_logits(tokens), exact.mtp_logits(tokens)
    gap = gaps(exact.choices, {at: scores for at, (scores, _) in plain.choices.items()})["mtp.0.ffn."]
    assert gap >= GAP, gap
    golden.write_tensors(path / "mtp.safetensors", {"tokens.101": tokens, "logits.100": logits})
    return {"mtp_rounding": (logits - truth).abs().max().item(), "mtp_router_gap": round(gap, 1)}


def record_gradients(path, config, weights, model, seed):
    batch, facts = wide_gaps(config, weights, model, (2, 150), seed)
    names = trained(weights)
    model.zero_grad(set_to_none=True)
    loss = next_token_loss(model(input_ids=batch).logits, batch)
    loss.backward()
    grads = {name: part(model, name, gradient) for name in names}

    exact = Plain(config, weights, torch.float64)
    leaves = {name: exact.weights[name].requires_grad_() for name in names}
    truth = next_token_loss(torch.stack([exact.logits(row) for row in batch]), batch)
    wanted = dict(zip(names, torch.autograd.grad(truth, list(leaves.values()), allow_unused=True)))
    assert all((wanted[n] is None) == (".indexer." in n) and (grads[n] == 0).all() == (".indexer." in n or wanted[n].norm() == 0) for n in names)
    rounding = {n: ((grads[n] - w).norm() / w.norm()).item() for n, w in wanted.items() if w is not None and w.norm() > 0}
    assert max(rounding.values()) < 1e-4, max(rounding.items(), key=lambda pair: pair[1])

    whole = {n: grads[n] for n in names if GRADIENT_TENSORS.fullmatch(n) and grads[n].numel() <= LARGEST_GRADIENT}
    (path / "batch.json").write_text(json.dumps(batch.tolist()) + "\n")
    golden.write_tensors(path / "grads.safetensors", {"loss": loss, "embed.weight.rows": grads["embed.weight"][:EMBED_ROWS]} | whole)
    golden.write_json(path / "gradient_norms.json", {n: g.double().norm().item() for n, g in grads.items()})
    worst = max(rounding, key=rounding.get)
    print(f"{path.name}: loss {loss.item():.6f} ({loss.item() - truth.item():.1e}), {len(whole)} whole gradients, rounding {rounding[worst]:.1e} in {worst}, "
          f"median {sorted(rounding.values())[len(rounding) // 2]:.1e}, above 1e-5 {[n for n, r in rounding.items() if r > 1e-5]}, {facts}", flush=True)
    return facts | {"gradient_rounding": rounding[worst], "gradient_rounding_in": worst}


def train(config, weights, batches, nudge=0.0, seed=0):
    """Ten steps of AdamW without clipping: tensors of two axes decay, of one axis do not; a tensor without a gradient has one of zeros and decays too.

    Gives what is recorded, and all choices of experts and entries."""
    draw = golden.generator(seed)
    model = open_model(config, {n: w * (1 + nudge * (2 * torch.rand(w.shape, generator=draw) - 1)) if w.is_floating_point() else w for n, w in weights.items()})
    choices = []
    for module in model.modules():
        if isinstance(module, DeepseekV4TopKRouter):
            module.register_forward_hook(lambda module, args, y: choices.append(y[2].sort(-1).values))
        if isinstance(module, DeepseekV4Indexer):
            module.register_forward_hook(lambda module, args, y: choices.append(y.sort(-1).values))
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW([
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": 0.1},
        {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0.0},
    ], lr=LEARNING_RATE, betas=(0.9, 0.95), eps=1e-8)
    losses, norms = [], []
    for batch in batches:
        optimizer.zero_grad()
        loss = next_token_loss(model(input_ids=batch).logits, batch)
        loss.backward()
        for p in parameters:
            p.grad = gradient(p)
        norms.append(math.sqrt(sum(p.grad.double().square().sum().item() for p in parameters)))
        optimizer.step()
        losses.append(loss.item())
    norm = {n: part(model, n).detach().double().norm().item() for n in trained(weights)}
    return {"schedule": "constant", "learning_rates": [LEARNING_RATE] * STEPS, "losses": losses, "gradient_norms": norms,
            "weights_norm": math.sqrt(sum(n * n for n in norm.values())), "parameter_norms": norm}, choices


def record_training(path, config, weights, seed):
    """Training on the first batches where no choice of the ten steps is near. What then still moves the losses is AdamW itself, whose
    first steps have full size even where a gradient is all rounding."""
    for attempt in range(1000):
        draw = golden.generator(seed + attempt)
        batches = [random_tokens((2, 64), config["vocab_size"], draw) for _ in range(STEPS)]
        run, choices = train(config, weights, batches)
        moved, same = {}, True
        for number, nudge in enumerate(NUDGES):
            other, other_choices = train(config, weights, batches, nudge, number + 1)
            moved[nudge] = max([moved.get(nudge, 0.0)] + [abs(a - b) / a for a, b in zip(run["losses"], other["losses"])])
            same = all(map(torch.equal, choices, other_choices))
            if not same or moved.get(min(NUDGES), 0.0) > STEADY:
                break
        else:
            golden.write_json(path / "training.json", {
                "optimizer": {"name": "adamw", "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "weight_decay": 0.1, "clip_norm": 0.0}, "runs": [run]})
            golden.write_tensors(path / "batches.safetensors", {"batches": torch.stack(batches)})
            return {"seed": seed + attempt, "losses_move": moved[min(NUDGES)]}
        print(f"{path.name}: training seed {seed + attempt}: choices {'stay' if same else 'turn over'}, losses move by {moved}", flush=True)
    raise SystemExit("no batches with wide gaps found")


def record(name, config, seed):
    path = golden.folder("deepseek4/" + name)
    (path / "model").mkdir()
    golden.write_json(path / "model" / "config.json", config)
    lines = ",\n".join(f" {json.dumps(n)}: {json.dumps(list(shape))}" for n, shape in shapes(config).items())
    (path / "model" / "shapes.json").write_text("{\n" + lines + "\n}\n")
    weights = generated(config)
    model = open_model(config, weights)
    if name in VARIANTS:
        _, _, facts = record_logits(path, config, weights, model, 130, seed)
        facts = {"lengths": [130], "prompt": facts}
    else:
        tokens, states, prompt = record_logits(path, config, weights, model, 300, seed)
        rows = torch.tensor(ROWS)
        golden.write_tensors(path / "states.safetensors", {"rows": rows} | {f"layers.{i}": s[rows] for i, s in enumerate(states)})
        facts = {"lengths": LENGTHS, "prompt": prompt, "gradients": record_gradients(path, config, weights, model, seed + 2000)}
        if name == "tiny_a":
            facts["mtp"] = record_mtp(path, config, weights, tokens)
        facts["training"] = record_training(path, config, weights, seed + 4000)
    golden.write_note(path, "transformers DeepseekV4ForCausalLM, eager, fp32, CPU, one thread; mtp.safetensors by deepseek4_plain.py; weights by golden_weights.py",
                      __file__, **facts)


def record_weights():
    """The first values of a tensor of every kind, for the test of `GoldenWeights`."""
    path = golden.folder("deepseek4/weights")
    samples = {
        "embed.weight": (3, 7), "layers.1.attn.wq_a.weight": (5, 64), "layers.12.ffn.experts.7.w2.weight": (3, 48), "layers.0.hc_attn_fn": (2, 33),
        "layers.0.attn_norm.weight": (9,), "layers.2.attn.compressor.norm.weight": (9,), "mtp.0.enorm.weight": (9,), "layers.0.hc_ffn_scale": (3,),
        "hc_head_base": (4,), "layers.2.attn.indexer.compressor.ape": (4, 6), "layers.3.attn.attn_sink": (5,), "layers.3.ffn.gate.bias": (8,),
    }
    golden.write_tensors(path / "values.safetensors", {name: golden_weights.values(name, shape) for name, shape in samples.items()})
    golden.write_tensors(path / "experts.safetensors", {
        "layers.0.ffn.gate.tid2eid": golden_weights.experts_of_tokens("layers.0.ffn.gate.tid2eid", 11, 2, 8),
        "layers.1.ffn.gate.tid2eid": golden_weights.experts_of_tokens("layers.1.ffn.gate.tid2eid", 5, 6, 6)})
    golden.write_note(path, "golden_weights.py", __file__, experts={"layers.0.ffn.gate.tid2eid": 8, "layers.1.ffn.gate.tid2eid": 6})


if __name__ == "__main__":
    torch.set_num_threads(1)
    record_weights()
    for number, (name, config) in enumerate((MODELS | VARIANTS).items()):
        record(name, config, seed=10000 * (number + 1))
