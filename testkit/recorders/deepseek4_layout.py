"""Records one tiny random DeepSeek-V4 three times: as the state of transformers' model, as its save_pretrained writes it, and under the published names; transformers must read the latter two back to the same state."""

import json
import re

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

import golden

CONFIG = {
    "architectures": ["DeepseekV4ForCausalLM"], "model_type": "deepseek_v4", "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": 0, "eos_token_id": 1,
    "compress_ratios": [0, 4, 128, 4], "compress_rope_theta": 160000, "hc_eps": 1e-6, "hc_mult": 2, "hc_sinkhorn_iters": 20, "head_dim": 16, "hidden_act": "silu", "hidden_size": 24,
    "index_head_dim": 8, "index_n_heads": 6, "index_topk": 8, "initializer_range": 0.02, "max_position_embeddings": 1024, "moe_intermediate_size": 10, "n_routed_experts": 5,
    "n_shared_experts": 1, "norm_topk_prob": True, "num_attention_heads": 4, "num_experts_per_tok": 2, "num_hidden_layers": 4, "num_hash_layers": 2, "num_key_value_heads": 1,
    "num_nextn_predict_layers": 0, "o_groups": 2, "o_lora_rank": 6, "q_lora_rank": 12, "qk_rope_head_dim": 4, "rms_norm_eps": 1e-6,
    "rope_scaling": {"type": "yarn", "factor": 16, "original_max_position_embeddings": 64, "beta_fast": 32, "beta_slow": 1}, "rope_theta": 10000, "routed_scaling_factor": 1.5,
    "scoring_func": "sqrtsoftplus", "sliding_window": 16, "swiglu_limit": 10.0, "tie_word_embeddings": False, "topk_method": "noaux_tc", "torch_dtype": "float32", "vocab_size": 40,
}

PUBLISHED = [  # transformers' name, published name; the first that fits
    (r"^lm_head\.", "head."), (r"^model\.embed_tokens\.", "embed."), (r"^model\.norm\.", "norm."), (r"^model\.hc_head\.hc_", "hc_head_"),
    (r"\.input_layernorm\.", ".attn_norm."), (r"\.post_attention_layernorm\.", ".ffn_norm."), (r"\.(attn|ffn)_hc\.", r".hc_\1_"), (r"\.sinks$", ".attn.attn_sink"),
    (r"\.q_a_proj\.", ".attn.wq_a."), (r"\.q_a_norm\.", ".attn.q_norm."), (r"\.self_attn\.q_b_proj\.", ".attn.wq_b."), (r"\.self_attn\.kv_proj\.", ".attn.wkv."),
    (r"\.self_attn\.kv_norm\.", ".attn.kv_norm."), (r"\.o_a_proj\.", ".attn.wo_a."), (r"\.o_b_proj\.", ".attn.wo_b."),
    (r"\.compressor\.indexer\.q_b_proj\.", ".attn.indexer.wq_b."), (r"\.compressor\.indexer\.scorer\.", ".attn.indexer."),
    (r"\.compressor\.indexer\.kv_proj\.", ".attn.indexer.compressor.wkv."), (r"\.compressor\.indexer\.gate_proj\.", ".attn.indexer.compressor.wgate."),
    (r"\.compressor\.indexer\.position_bias$", ".attn.indexer.compressor.ape"), (r"\.compressor\.indexer\.kv_norm\.", ".attn.indexer.compressor.norm."),
    (r"\.compressor\.kv_proj\.", ".attn.compressor.wkv."), (r"\.compressor\.gate_proj\.", ".attn.compressor.wgate."), (r"\.compressor\.position_bias$", ".attn.compressor.ape"),
    (r"\.compressor\.kv_norm\.", ".attn.compressor.norm."), (r"\.mlp\.gate\.e_score_correction_bias$", ".ffn.gate.bias"), (r"\.mlp\.gate\.", ".ffn.gate."),
    (r"\.shared_experts\.gate_proj\.", ".ffn.shared_experts.w1."), (r"\.shared_experts\.down_proj\.", ".ffn.shared_experts.w2."), (r"\.shared_experts\.up_proj\.", ".ffn.shared_experts.w3."),
]


def published(state):
    """The same tensors under their published names, experts one by one."""
    tensors = {}
    for name, tensor in state.items():
        layer = re.match(r"model\.(layers\.\d+)\.mlp\.experts\.(gate_up|down)_proj", name)
        if layer:
            for e, matrix in enumerate(tensor):
                parts = {"w2": matrix} if layer[2] == "down" else dict(zip(("w1", "w3"), matrix.chunk(2)))
                tensors |= {f"{layer[1]}.ffn.experts.{e}.{part}.weight": value for part, value in parts.items()}
            continue
        pattern, name_there = next(pair for pair in PUBLISHED if re.search(pair[0], name))
        name = re.sub(pattern, name_there, name).removeprefix("model.")
        tensors[name.replace(".self_attn.attn.", ".attn.").replace(".self_attn.attn_", ".attn.attn_").replace(".mlp.ffn.", ".ffn.").replace(".self_attn.", ".")] = tensor
    return {name: tensor.clone().contiguous() for name, tensor in tensors.items()}


def record():
    path = golden.folder("deepseek4_layout")
    (path / "native").mkdir()
    (path / "transformers").mkdir()
    draw = golden.generator(44)
    golden.write_json(path / "native" / "config.json", CONFIG)
    config = AutoConfig.from_pretrained(path / "native")
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float()
    state = model.state_dict()
    for name, tensor in state.items():
        if name.endswith("tid2eid"):
            tensor.copy_(torch.stack([torch.randperm(5, generator=draw)[:2] for _ in range(len(tensor))]))
        else:
            tensor.copy_(torch.randn(tensor.shape, generator=draw))
    save_file({name: tensor.clone().contiguous() for name, tensor in state.items()}, path / "transformers" / "model.safetensors", {"format": "pt"})
    save_file(published(state), path / "native" / "model.safetensors", {"format": "pt"})
    config.save_pretrained(path / "transformers")
    model.save_pretrained(path / "saved")
    (path / "saved" / "generation_config.json").unlink(missing_ok=True)
    for folder in ("native", "saved"):
        read, told = AutoModelForCausalLM.from_pretrained(path / folder, dtype=torch.float32, output_loading_info=True)
        assert not told["missing_keys"] and not told["unexpected_keys"] and not told["mismatched_keys"], told
        assert all(torch.equal(read.state_dict()[name], tensor) for name, tensor in state.items())
    golden.write_note(path, "transformers, which reads both to the same state", __file__, parameters=sum(p.numel() for p in model.parameters()))
    print(f"deepseek4_layout: {len(state)} tensors")


if __name__ == "__main__":
    record()
