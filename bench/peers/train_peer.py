"""Trains the bench's language model in PyTorch and prints tokens per second, one line of JSON for each step.

The model is the llama architecture with 16.9 million parameters; the step is a forward pass, cross-entropy, backward pass and AdamW,
8 sequences of 512 random tokens, written the way that was fastest of those tried in eager PyTorch (README.md says which).
"""

import argparse
import ctypes
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

import protocol


class Attention(nn.Module):
    def __init__(self, hidden, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(hidden, 3 * hidden, bias=False)
        self.out = nn.Linear(hidden, hidden, bias=False)

    def forward(self, x, cos, sin):
        batch, length, hidden = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(rotate(q, cos, sin), rotate(k, cos, sin), v, is_causal=True)
        return self.out(y.transpose(1, 2).reshape(batch, length, hidden))


def rotate(x, cos, sin):
    low, high = x.chunk(2, -1)
    return x * cos + torch.cat((-high, low), -1) * sin


class Block(nn.Module):
    def __init__(self, hidden, heads, intermediate):
        super().__init__()
        self.attention = Attention(hidden, heads)
        self.gate_up = nn.Linear(hidden, 2 * intermediate, bias=False)
        self.down = nn.Linear(intermediate, hidden, bias=False)
        self.attention_norm = nn.RMSNorm(hidden, 1e-5)
        self.feed_forward_norm = nn.RMSNorm(hidden, 1e-5)

    def forward(self, x, cos, sin):
        x = x + self.attention(self.attention_norm(x), cos, sin)
        gate, up = self.gate_up(self.feed_forward_norm(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


class Plain(nn.Module):
    """The model in plain PyTorch, with the three projections of attention, and the two of the feed-forward part, as one matrix each."""

    def __init__(self, vocab, hidden, layers, heads, intermediate, length):
        super().__init__()
        self.embed = nn.Embedding(vocab, hidden)
        self.blocks = nn.ModuleList(Block(hidden, heads, intermediate) for _ in range(layers))
        self.norm = nn.RMSNorm(hidden, 1e-5)
        self.head = nn.Linear(hidden, vocab, bias=False)
        dim = hidden // heads
        angle = torch.arange(length)[:, None] * 10000.0 ** (-torch.arange(0, dim, 2) / dim)
        self.register_buffer("cos", torch.cat((angle, angle), -1).cos())
        self.register_buffer("sin", torch.cat((angle, angle), -1).sin())

    def forward(self, tokens):
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        return self.head(self.norm(x))


def keep_memory():
    """Tells glibc to keep freed memory: by default it returns large blocks to the system, and each step faults every page in again."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        trim_threshold, mmap_threshold = -1, -3
        libc.mallopt(mmap_threshold, 2 ** 31 - 1)
        libc.mallopt(trim_threshold, 2 ** 31 - 1)


def from_transformers(vocab, hidden, layers, heads, intermediate, length):
    from transformers import LlamaConfig, LlamaForCausalLM
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=vocab, hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=intermediate,
        max_position_embeddings=length, tie_word_embeddings=False, use_cache=False, attn_implementation="sdpa"))
    return model, lambda tokens: model(input_ids=tokens).logits


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=10, help="steps measured, or steps for one measurement with --interactive")
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--dtype", choices=["fp32", "bf16"], default="fp32", help="bf16 is autocast over fp32 weights")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--malloc", choices=["keep", "system"], default="keep", help="keep tells glibc to keep freed memory, which is much faster")
    parser.add_argument("--model", choices=["plain", "transformers"], default="plain")
    parser.add_argument("--interactive", action="store_true", help="answer lines `go` on the input, see protocol.py")
    for name, value in (("vocab", 8192), ("hidden", 384), ("layers", 6), ("heads", 6), ("intermediate", 1024), ("batch", 8), ("length", 512)):
        parser.add_argument("--" + name, type=int, default=value)
    return parser.parse_args()


def main():
    args = arguments()
    if args.malloc == "keep":
        keep_memory()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    sizes = (args.vocab, args.hidden, args.layers, args.heads, args.intermediate, args.length)
    if args.model == "plain":
        model = forward = Plain(*sizes)
    else:
        model, forward = from_transformers(*sizes)
    if args.compile:
        forward = torch.compile(forward)
    decaying = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": decaying, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
                                  lr=1e-3, betas=(0.9, 0.95), fused=True)
    tokens = torch.randint(args.vocab, (args.batch, args.length + 1))

    def step():
        with torch.autocast("cpu", torch.bfloat16, enabled=args.dtype == "bf16"):
            loss = F.cross_entropy(forward(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
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

    setting = {"peer": "PyTorch " + torch.__version__.split("+")[0], "model": args.model, "dtype": args.dtype, "compile": args.compile, "malloc": args.malloc,
               "threads": args.threads, "parameters": sum(p.numel() for p in model.parameters())}
    for _ in range(args.warmup):
        step()
    if args.interactive:
        protocol.answer(lambda: measure(args.steps), setting)
    else:
        for i in range(args.steps):
            print(protocol.json.dumps(setting | {"step": i + 1} | measure(1)), flush=True)


if __name__ == "__main__":
    main()
