"""Trains transformers' DeepSeek-V4 from random weights and prints tokens per second, one line of JSON for each step.

The step is a forward pass, cross-entropy, backward pass, clipping and AdamW on random tokens. The config comes as JSON, as transformers writes it.
"""

import argparse
import json
import time

import torch
from torch.nn import functional as F
from transformers import DeepseekV4Config, DeepseekV4ForCausalLM
from transformers.models.deepseek_v4.modeling_deepseek_v4 import DeepseekV4HashRouter
import transformers

import protocol
from train_peer import keep_memory


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, help="config.json as one word")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=10, help="steps measured, or steps for one measurement with --interactive")
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--dtype", choices=["fp32"], default="fp32")
    parser.add_argument("--malloc", choices=["keep", "system"], default="keep", help="keep tells glibc to keep freed memory, which is faster")
    parser.add_argument("--experts", choices=["eager", "grouped_mm", "batched_mm"], default="eager", help="how transformers multiplies by experts")
    parser.add_argument("--interactive", action="store_true", help="answer lines `go` on the input, see protocol.py")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--length", type=int, default=512)
    return parser.parse_args()


def build(text, experts):
    """The model with its own initial weights; the hash tables, which it leaves at zero, deal each token distinct experts."""
    config = DeepseekV4Config(**{k: v for k, v in json.loads(text).items() if k not in ("architectures", "model_type", "torch_dtype")})
    config.use_cache = False
    config._attn_implementation = "eager"
    config._experts_implementation = experts
    model = DeepseekV4ForCausalLM(config).float().train()
    for module in model.modules():
        if isinstance(module, DeepseekV4HashRouter):
            module.tid2eid.copy_(torch.rand(config.vocab_size, module.num_experts).argsort(-1)[:, :module.top_k])
    return model


def main():
    args = arguments()
    if args.malloc == "keep":
        keep_memory()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    model = build(args.config, args.experts)
    decaying = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": decaying, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
                                  lr=1e-3, betas=(0.9, 0.95), fused=True)
    tokens = torch.randint(model.config.vocab_size, (args.batch, args.length + 1))

    def step():
        logits = model(input_ids=tokens[:, :-1]).logits
        loss = F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    def measure(steps):
        start = time.perf_counter()
        for _ in range(steps):
            loss = step()
        seconds = (time.perf_counter() - start) / steps
        return {"tokensPerSecond": args.batch * args.length / seconds, "secondsPerStep": seconds, "loss": loss}

    setting = {"peer": "transformers " + transformers.__version__, "experts": args.experts, "malloc": args.malloc, "threads": args.threads,
               "parameters": sum(p.numel() for p in model.parameters())}
    for _ in range(args.warmup):
        step()
    if args.interactive:
        protocol.answer(lambda: measure(args.steps), setting)
    else:
        for i in range(args.steps):
            print(json.dumps(setting | {"step": i + 1} | measure(1)), flush=True)


if __name__ == "__main__":
    main()
