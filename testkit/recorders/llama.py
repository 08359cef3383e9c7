"""Records tiny random checkpoints of the llama family with what transformers and PyTorch make of them, in fp32 on the CPU.

For each model: a checkpoint in the published layout, logits of some sequences, loss and gradients of one batch,
and two runs of ten AdamW steps.
"""

import json
import math

import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import cross_entropy
from transformers import AutoConfig, AutoModelForCausalLM

import golden

STEPS = 10
LEARNING_RATE = 1e-3
WARMUP = 3

LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "hidden_act": "silu",
    "hidden_size": 64,
    "initializer_range": 0.02,
    "intermediate_size": 160,
    "max_position_embeddings": 512,
    "mlp_bias": False,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "pretraining_tp": 1,
    "rms_norm_eps": 1e-5,
    "rope_scaling": None,
    "rope_theta": 10000.0,
    "tie_word_embeddings": False,
    "torch_dtype": "float32",
    "use_cache": True,
    "vocab_size": 288,
}

# Wavelengths of a head of 16 channels lie on both sides of these bounds, so all three cases of the formula occur.
LLAMA3_ROPE = {
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
    "rope_type": "llama3",
}

QWEN3 = {
    "architectures": ["Qwen3ForCausalLM"],
    "model_type": "qwen3",
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "dtype": "float32",
    "eos_token_id": 2,
    "head_dim": 24,
    "hidden_act": "silu",
    "hidden_size": 64,
    "initializer_range": 0.02,
    "intermediate_size": 160,
    "layer_types": ["full_attention", "full_attention"],
    "max_position_embeddings": 512,
    "max_window_layers": 2,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-6,
    "rope_parameters": {"rope_theta": 1000000.0, "rope_type": "default"},
    "sliding_window": None,
    "tie_word_embeddings": False,
    "use_cache": True,
    "use_sliding_window": False,
    "vocab_size": 288,
}

# name: config, lengths of the sequences with recorded logits, number of safetensors files
MODELS = {
    "llama2": (LLAMA | {"num_key_value_heads": 4, "num_hidden_layers": 3, "intermediate_size": 120, "vocab_size": 263}, [1, 17, 64], 1),
    "llama3": (LLAMA | {"rope_theta": 500000.0, "rope_scaling": LLAMA3_ROPE}, [5, 130, 300], 3),
    "llama3_tied_bf16": (LLAMA | {"rope_theta": 500000.0, "rope_scaling": LLAMA3_ROPE | {"factor": 32.0}, "tie_word_embeddings": True,
                                  "torch_dtype": "bfloat16"}, [1, 64, 130], 1),
    "qwen3": (QWEN3, [5, 17, 130], 1),
    "qwen3_tied": (QWEN3 | {"tie_word_embeddings": True, "num_hidden_layers": 1, "layer_types": ["full_attention"], "vocab_size": 263}, [1, 64], 1),
}


def random_weights(config, seed):
    """Weights with lively attention and norms that are not all ones; a tied head has no tensor of its own."""
    draw = golden.generator(seed)
    model = AutoModelForCausalLM.from_config(config)
    weights = {}
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=draw)
        if parameter.dim() == 1:
            weights[name] = 1 + 0.2 * noise
        elif "embed_tokens" in name:
            weights[name] = noise
        else:
            lively = 1.5 if "q_proj" in name or "k_proj" in name else 1.0
            weights[name] = noise * lively / math.sqrt(parameter.shape[1])
    return weights


def write_checkpoint(path, config_json, weights, files):
    """config.json, and model.safetensors or several files with their index, each tensor in one of them."""
    golden.write_json(path / "config.json", config_json)
    if files == 1:
        save_file(weights, path / "model.safetensors", metadata={"format": "pt"})
        return
    index = {"metadata": {"total_size": sum(w.numel() * w.element_size() for w in weights.values())}, "weight_map": {}}
    names = list(weights)
    for i in range(files):
        file = f"model-{i + 1:05}-of-{files:05}.safetensors"
        part = names[i * len(names) // files:(i + 1) * len(names) // files]
        save_file({name: weights[name] for name in part}, path / file, metadata={"format": "pt"})
        index["weight_map"] |= {name: file for name in part}
    golden.write_json(path / "model.safetensors.index.json", index)


def open_model(path, dtype=torch.float32):
    model = AutoModelForCausalLM.from_pretrained(path, dtype=dtype, attn_implementation="eager")
    model.config.use_cache = False
    return model.eval()


def random_tokens(shape, vocab, draw):
    """Tokens that follow one another by a rule three times out of four, so that there is something to learn."""
    tokens = torch.randint(vocab, shape, generator=draw)
    rule = torch.rand(shape, generator=draw) < 0.75
    for i in range(1, shape[-1]):
        tokens[..., i] = torch.where(rule[..., i], (tokens[..., i - 1] * 5 + 7) % vocab, tokens[..., i])
    return tokens


def next_token_loss(model, batch):
    logits = model(input_ids=batch).logits
    return cross_entropy(logits[:, :-1].flatten(0, 1), batch[:, 1:].flatten())


def rates(schedule):
    """The learning rate of each step, counted from 1: constant, or a linear warm-up and then half a cosine down to a tenth."""
    if schedule == "constant":
        return [LEARNING_RATE] * STEPS
    rising = [LEARNING_RATE * step / WARMUP for step in range(1, WARMUP + 1)]
    falling = [(step - WARMUP) / (STEPS - WARMUP) for step in range(WARMUP + 1, STEPS + 1)]
    return rising + [LEARNING_RATE * (0.1 + 0.9 * (1 + math.cos(math.pi * part)) / 2) for part in falling]


def train(path, batches, schedule):
    """Ten steps of AdamW from the checkpoint's weights: matrices decay, norms do not."""
    model = open_model(path)
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW([
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": 0.1},
        {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0.0},
    ], lr=LEARNING_RATE, betas=(0.9, 0.95), eps=1e-8)
    losses, norms = [], []
    for batch, rate in zip(batches, rates(schedule)):
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        loss = next_token_loss(model, batch)
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(parameters, 1.0).item())
        optimizer.step()
        losses.append(loss.item())
    norm = {name: p.detach().double().norm().item() for name, p in model.named_parameters()}
    return {"schedule": schedule, "learning_rates": rates(schedule), "losses": losses, "gradient_norms": norms,
            "weights_norm": math.sqrt(sum(n * n for n in norm.values())), "parameter_norms": norm}


def record(name, config_json, lengths, files, seed):
    path = golden.folder("llama/" + name)
    checkpoint = path / "model"
    checkpoint.mkdir()
    bf16 = config_json.get("torch_dtype") == "bfloat16"
    draw = golden.generator(seed + 1)
    vocab = config_json["vocab_size"]
    sequences = [random_tokens((length,), vocab, draw) for length in lengths]

    # The last norm scales the logits, also where the head is the embedding.
    golden.write_json(checkpoint / "config.json", config_json)
    weights = random_weights(AutoConfig.from_pretrained(checkpoint), seed)
    write_checkpoint(checkpoint, config_json, weights, 1)
    with torch.no_grad():
        largest = max(open_model(checkpoint)(input_ids=s[None]).logits.abs().max() for s in sequences)
    weights["model.norm.weight"] *= 4 / largest
    (checkpoint / "model.safetensors").unlink()
    write_checkpoint(checkpoint, config_json, {n: w.to(torch.bfloat16 if bf16 else torch.float32) for n, w in weights.items()}, files)

    model, exact = open_model(checkpoint), open_model(checkpoint, torch.float64)
    tensors, rounding = {}, 0.0
    with torch.no_grad():
        for tokens in sequences:
            logits = model(input_ids=tokens[None]).logits[0]
            rounding = max(rounding, (logits - exact(input_ids=tokens[None]).logits[0]).abs().max().item())
            tensors |= {f"tokens.{len(tokens)}": tokens, f"logits.{len(tokens)}": logits}
    golden.write_tensors(path / "logits.safetensors", tensors)

    batch = random_tokens((3, 24), vocab, draw)
    (path / "batch.json").write_text(json.dumps(batch.tolist()) + "\n")
    loss = next_token_loss(model, batch)
    loss.backward()
    golden.write_tensors(path / "grads.safetensors", {"loss": loss} | {n: p.grad for n, p in model.named_parameters()})

    batches = [random_tokens((4, 32), vocab, draw) for _ in range(STEPS)]
    golden.write_json(path / "training.json", {
        "optimizer": {"name": "adamw", "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "weight_decay": 0.1, "clip_norm": 1.0},
        "warmup_steps": WARMUP,
        "runs": [train(checkpoint, batches, schedule) for schedule in ("constant", "cosine")],
    })
    golden.write_tensors(path / "batches.safetensors", {"batches": torch.stack(batches)})
    golden.write_note(path, f"transformers {config_json['architectures'][0]}, eager attention, fp32, CPU, one thread", __file__,
                      lengths=lengths, logits_rounding=rounding)
    logits = tensors[f"logits.{lengths[-1]}"]
    print(f"{name}: |logits| <= {logits.abs().max():.3f}, std {logits.std():.3f}, rounding {rounding:.1e}, loss {loss.item():.4f}, "
          f"tensors {len(load_file(path / 'grads.safetensors')) - 1}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for number, (name, (config_json, lengths, files)) in enumerate(MODELS.items()):
        record(name, config_json, lengths, files, seed=1000 + 10 * number)
