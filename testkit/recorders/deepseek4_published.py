"""Records a tiny DeepSeek-V4 stored as the published ones are, and the logits that transformers gives for the numbers it stands for.

Matrices are FP8 in blocks of 128 by 128, experts FP4 in pairs with a scale for 32 columns, scales are E8M0, tables I64, what mixes streams and what biases F32, the rest BF16. Nothing here knows how the program
reads or writes such files: names and types come from the published headers, codes are rounded and packed by PyTorch alone.
"""

import re

import torch
from safetensors.torch import load_file, save_file

import deepseek4
import golden

CONFIG = {k: v for k, v in deepseek4.TINY.items() if k != "torch_dtype"} | {
    "compress_ratios": [0, 4, 128, 0],
    "expert_dtype": "fp4",
    "hc_mult": 2,
    "head_dim": 36,
    "hidden_size": 48,
    "index_head_dim": 12,
    "index_topk": 8,
    "max_position_embeddings": 1024,
    "moe_intermediate_size": 40,
    "n_routed_experts": 4,
    "num_attention_heads": 8,
    "num_hash_layers": 1,
    "num_hidden_layers": 3,
    "o_lora_rank": 16,
    "q_lora_rank": 24,
    "qk_rope_head_dim": 8,
    "quantization_config": {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8", "scale_fmt": "ue8m0", "weight_block_size": [128, 128]},
    "rope_scaling": deepseek4.yarn(64),
    "sliding_window": 16,
    "torch_dtype": "bfloat16",
    "vocab_size": 96,
}

LENGTH = 150
ROWS = [0, 1, 2, 3, 4, 15, 16, 17, 63, 64, 126, 127, 128, 149]      # positions whose logits are recorded: borders of windows among them
MAGNITUDES = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6])             # of the first eight codes of FP4; the others are their negatives
FP4 = re.compile(r"ffn\.experts\.")
FP8 = re.compile(r"attn\.(indexer\.)?w[qo]_[ab]\.|attn\.wkv\.|shared_experts\.|[eh]_proj\.")
F32 = re.compile(r"hc_|attn_sink|\.ape|gate\.bias")


def spread(scales, rows, columns, shape):
    """The scale of every element."""
    return scales.repeat_interleave(rows, 0).repeat_interleave(columns, 1)[:shape[0], :shape[1]]


def scales_of(x, rows, columns, largest):
    """For each block the smallest power of two that brings it to at most `largest`."""
    padded = torch.nn.functional.pad(x.abs(), (0, -x.shape[1] % columns, 0, -x.shape[0] % rows))
    peak = padded.unfold(0, rows, rows).unfold(1, columns, columns).amax((2, 3))
    return torch.exp2(torch.ceil(torch.log2(peak.double() / largest))).float()


def stored(name, x):
    """What the file holds of the tensor of this name, and the numbers that this stands for."""
    if name.endswith("tid2eid"):
        return {name: x}, x
    if F32.search(name):
        return {name: x}, x
    four = FP4.search(name)
    if not four and not FP8.search(name):
        return {name: x.bfloat16()}, x.bfloat16().float()
    rows, columns, largest = (1, 32, 6) if four else (128, 128, 448)
    scales = scales_of(x, rows, columns, largest)
    scaled = x / spread(scales, rows, columns, x.shape)
    if four:
        nearest = (scaled.abs()[..., None] - MAGNITUDES).abs().argmin(-1)
        codes = (nearest + 8 * (scaled < 0)).to(torch.uint8)
        kept, values = (codes[:, 0::2] | codes[:, 1::2] << 4).view(torch.int8), MAGNITUDES[nearest] * scaled.sign()
    else:
        kept = scaled.to(torch.float8_e4m3fn)
        values = kept.float()
    scale = name.removesuffix("weight") + "scale"
    return {name: kept.contiguous(), scale: scales.to(torch.float8_e8m0fnu)}, values * spread(scales, rows, columns, x.shape)


def drawn(name, shape, draw):
    """Numbers in which no two blocks of a matrix have the same magnitude."""
    if name.endswith("tid2eid"):
        return torch.stack([torch.randperm(CONFIG["n_routed_experts"], generator=draw)[:shape[1]] for _ in range(shape[0])])
    u = torch.rand(shape, generator=draw) - 0.5
    if name.endswith("norm.weight"):
        return 1 + 0.4 * u
    if len(shape) == 1:
        return 0.3 + 0.2 * u if name.endswith("scale") else 0.5 * u
    if name == "embed.weight":
        return 2 * u
    blocks = torch.randint(-2, 2, (-(-shape[0] // 128), -(-shape[1] // 32)), generator=draw)
    return u * 5 / shape[1] ** 0.5 * spread(torch.exp2(blocks.float()), 128, 32, shape)


def record():
    path = golden.folder("deepseek4_published")
    (path / "model").mkdir()
    draw = golden.generator(61)
    files, numbers = {}, {}
    for name, shape in deepseek4.shapes(CONFIG).items():
        kept, numbers[name] = stored(name, drawn(name, shape, draw))
        files |= kept
    golden.write_json(path / "model" / "config.json", CONFIG)
    names = list(files)
    cut = len(names) * 2 // 3
    shards = {f"model-0000{i + 1}-of-00002.safetensors": part for i, part in enumerate((names[:cut], names[cut:]))}
    for shard, part in shards.items():
        save_file({name: files[name] for name in part}, path / "model" / shard, {"format": "pt"})
    golden.write_json(path / "model" / "model.safetensors.index.json", {
        "metadata": {"total_size": sum(tensor.nbytes for tensor in files.values())},
        "weight_map": {name: shard for shard, part in shards.items() for name in part},
    })
    types = {str(tensor.dtype).removeprefix("torch.") for shard in shards for tensor in load_file(path / "model" / shard).values()}
    assert types == {"float8_e4m3fn", "float8_e8m0fnu", "int8", "int64", "bfloat16", "float32"}, types

    model = deepseek4.open_model({k: v for k, v in CONFIG.items() if k != "quantization_config"}, numbers)
    tokens, facts = deepseek4.wide_gaps(CONFIG, numbers, model, (LENGTH,), 610)
    logits = deepseek4.watched(model, tokens)[0]
    exact = deepseek4.Plain(CONFIG, numbers, torch.float64).logits(tokens)
    golden.write_tensors(path / "logits.safetensors", {"tokens": tokens, "rows": torch.tensor(ROWS), "logits": logits[ROWS]})
    facts |= {"logits_rounding": (logits - exact).abs().max().item(), "largest_logit": logits.abs().max().item()}
    golden.write_note(path, "transformers in fp32 on the CPU, on the numbers that the codes stand for", __file__, **facts)
    print(f"deepseek4_published: {len(files)} tensors, {facts}")


if __name__ == "__main__":
    with torch.no_grad():
        record()
