"""Records the loss of DeepSeek-V4's indexers through whole tiny models, and its gradients, by `deepseek4_plain` in fp64.

Once while attention still sees every entry, and once over the entries that the indexers choose. The batch is that of `deepseek4/tiny_a`,
whose every choice is clear.
"""

import json

import torch
from torch.nn.functional import cross_entropy

import golden
from deepseek4 import TINY_A, generated, trained
from deepseek4_plain import Plain


def run(weights, batch, dense):
    """The mean losses of each sequence, next token and all indexers, and the gradients of the indexers' mean over the batch."""
    model = Plain(TINY_A, weights, torch.float64)
    model.teaches, model.dense = True, dense
    leaves = {name: model.weights[name].requires_grad_() for name in trained(weights)}
    next_token, index = [], []
    for row in batch:
        next_token.append(cross_entropy(model.logits(row[:-1]), row[1:]))
        index.append(sum(loss.mean() for loss in model.index_losses.values()))
    grads = dict(zip(leaves, torch.autograd.grad(torch.stack(index).mean(), list(leaves.values()), allow_unused=True)))
    assert all((grad is None) == (".indexer." not in name) for name, grad in grads.items()), "a gradient outside the indexers, or none inside"
    return torch.stack(next_token), torch.stack(index), {name: grad for name, grad in grads.items() if grad is not None}


if __name__ == "__main__":
    torch.set_num_threads(1)
    path = golden.folder("deepseek4_indexer")
    weights = generated(TINY_A)
    batch = torch.tensor(json.loads((golden.ROOT / "deepseek4" / "tiny_a" / "batch.json").read_text()))
    norms = {}
    for name in ("dense", "sparse"):
        next_token, index, grads = run(weights, batch, name == "dense")
        norms[name] = {n: grad.norm().item() for n, grad in grads.items()}
        golden.write_tensors(path / (name + ".safetensors"), {"next_token": next_token, "index_loss": index} | {n: g for n, g in grads.items() if n.startswith("layers.6.")})
        print(name, next_token.tolist(), index.tolist(), min(norms[name].values()), max(norms[name].values()))
    golden.write_json(path / "gradient_norms.json", norms)
    golden.write_note(path, "deepseek4_plain.py in fp64, one thread; weights by golden_weights.py, batch of deepseek4/tiny_a", __file__)
