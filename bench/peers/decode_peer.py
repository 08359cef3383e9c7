"""Writes tokens one at a time with the bench's model in PyTorch, greedily from the key and value cache, and prints tokens per second.

Plain eager PyTorch over a cache allocated once, which is faster than transformers' generate: no allocation grows and little Python runs for each token.
"""

import argparse
import time

import torch
from torch.nn import functional as F

import protocol
from train_peer import Plain, keep_memory, rotate


@torch.inference_mode()
def write(model, tokens, cache):
    """Gives the tokens written after token 1."""
    token, written = torch.tensor([[1]]), []
    for position in range(tokens):
        x = model.embed(token)
        cos, sin = model.cos[position], model.sin[position]
        for block, (keys, values) in zip(model.blocks, cache):
            heads = block.attention.heads
            q, k, v = block.attention.qkv(block.attention_norm(x)).view(3, heads, 1, -1).unbind(0)
            keys[:, position:position + 1] = rotate(k, cos, sin)
            values[:, position:position + 1] = v
            y = F.scaled_dot_product_attention(rotate(q, cos, sin)[None], keys[None, :, :position + 1], values[None, :, :position + 1])
            x = x + block.attention.out(y.view(1, 1, -1))
            gate, up = block.gate_up(block.feed_forward_norm(x)).chunk(2, -1)
            x = x + block.down(F.silu(gate) * up)
        token = model.head(model.norm(x)).argmax(-1)
        written.append(token.item())
    return written


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--interactive", action="store_true", help="answer lines `go` on the input, see protocol.py")
    for name, value in (("vocab", 8192), ("hidden", 384), ("layers", 6), ("heads", 6), ("intermediate", 1024), ("length", 512)):
        parser.add_argument("--" + name, type=int, default=value)
    args = parser.parse_args()
    keep_memory()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    model = Plain(args.vocab, args.hidden, args.layers, args.heads, args.intermediate, args.length).eval()
    shape = (args.heads, args.tokens, args.hidden // args.heads)
    cache = [(torch.zeros(shape), torch.zeros(shape)) for _ in range(args.layers)]

    def measure():
        start = time.perf_counter()
        write(model, args.tokens, cache)
        return {"tokensPerSecond": args.tokens / (time.perf_counter() - start)}

    setting = {"peer": "PyTorch " + torch.__version__.split("+")[0], "threads": args.threads}
    measure()
    if args.interactive:
        protocol.answer(measure, setting)
    else:
        for _ in range(args.rounds):
            print(protocol.json.dumps(setting | measure()), flush=True)


if __name__ == "__main__":
    main()
