"""Records operators and their gradients: inputs are F32, everything is computed in fp64 by PyTorch autograd and rounded once.

Each golden is a folder with one file for each case, whose tensors carry the names that the operators' definitions use,
and `golden.json`, which gives the parameters of each case.
"""

import torch
from torch.nn.functional import cross_entropy, embedding, rms_norm, scaled_dot_product_attention, silu

import golden

AUTOGRAD = "PyTorch autograd in fp64 on the CPU"


class Recording:
    """Cases of one operator; inputs are drawn in fp32 and handed out in fp64."""

    def __init__(self, name, source=AUTOGRAD):
        self.path, self.source, self.cases = golden.folder(name), source, {}
        self.draw, self.file = golden.generator(sum(name.encode())), __file__

    def normal(self, *shape, scale=1.0):
        return (scale * torch.randn(shape, generator=self.draw)).double()

    def integers(self, low, high, *shape):
        return torch.randint(low, high, shape, generator=self.draw)

    def case(self, name, tensors, **parameters):
        golden.write_tensors(self.path / f"{name}.safetensors", tensors)
        self.cases[name] = parameters

    def done(self):
        golden.write_note(self.path, self.source, self.file, cases=self.cases)
        print(f"{self.path.name}: {', '.join(self.cases)}")


def gradients(y, dy, *inputs):
    return torch.autograd.grad(y, inputs, dy)


def by_leaf(gradient_of, leaves, rows):
    """One gradient for each leaf of work, an equal run of rows."""
    size = rows // leaves
    return torch.stack([gradient_of(slice(leaf * size, (leaf + 1) * size)) for leaf in range(leaves)])


def record_mat_mul():
    r = Recording("mat_mul")
    shapes = {  # m, k, n, transposeA, transposeB, leading axes; b without them where it is shared
        "plain": (17, 300, 33, False, False, (), False),
        "linear": (9, 520, 31, False, True, (2,), True),
        "weight_gradient": (24, 257, 40, True, False, (), False),
        "both_transposed": (7, 31, 15, True, True, (), False),
        "batch": (5, 13, 19, False, True, (2, 3), False),
    }
    for name, (m, k, n, transpose_a, transpose_b, leading, shared) in shapes.items():
        a = r.normal(*leading, *((k, m) if transpose_a else (m, k))).requires_grad_()
        b = r.normal(*(() if shared else leading), *((n, k) if transpose_b else (k, n))).requires_grad_()
        y = (a.mT if transpose_a else a) @ (b.mT if transpose_b else b)
        dy = r.normal(*y.shape)
        da, db = gradients(y, dy, a, b)
        r.case(name, {"a": a, "b": b, "y": y, "dy": dy, "da": da, "db": db}, transposeA=transpose_a, transposeB=transpose_b)
    r.done()


def record_rms_norm():
    r = Recording("rms_norm")
    for name, shape, scale, epsilon, leaves in [("small", (3, 5, 70), 1.0, 1e-5, 3), ("one_row", (1, 33), 3.0, 1e-6, 1),
                                                ("long", (600, 33), 1.0, 1e-5, 2), ("tiny_values", (2, 64), 1e-3, 1e-5, 1)]:
        x = r.normal(*shape, scale=scale).requires_grad_()
        gain = (1 + r.normal(shape[-1], scale=0.2)).float().double().requires_grad_()
        y = rms_norm(x, (shape[-1],), gain, epsilon)
        dy = r.normal(*shape)
        dx, = torch.autograd.grad(y, x, dy, retain_graph=True)
        terms = (dy * y / gain).flatten(0, -2)
        dgain = by_leaf(lambda rows: terms[rows].sum(0), leaves, len(terms))
        assert torch.allclose(dgain.sum(0), gradients(y, dy, gain)[0])
        r.case(name, {"x": x, "gain": gain, "y": y, "dy": dy, "dx": dx, "dgain": dgain}, epsilon=epsilon, leaves=leaves)
    r.done()


def record_rope():
    r = Recording("rope")
    for name, shape, theta, positions in [("prefix", (2, 7, 3, 24), 1e4, torch.arange(7).expand(2, 7)),
                                          ("scattered", (2, 5, 2, 64), 5e5, r.integers(0, 40, 2, 5)), ("pair", (3, 1, 2), 1e4, torch.tensor([0, 1, 31]))]:
        dim = shape[-1]
        angle = torch.arange(40, dtype=torch.float64)[:, None] * theta ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
        table = torch.cat([angle.cos(), angle.sin()], 1).float().double()
        c, s = table[positions].unsqueeze(-2).chunk(2, -1)
        x = r.normal(*shape).requires_grad_()
        low, high = x.chunk(2, -1)
        y = torch.cat([low * c - high * s, high * c + low * s], -1)
        dy = r.normal(*shape)
        r.case(name, {"x": x, "table": table, "positions": positions, "y": y, "dy": dy, "dx": gradients(y, dy, x)[0]}, theta=theta)
    r.done()


def record_swi_glu():
    r = Recording("swi_glu")
    for name, shape, scale in [("small", (5, 77), 1.0), ("saturated", (2, 3, 32), 40.0)]:
        gate, up = r.normal(*shape, scale=scale).requires_grad_(), r.normal(*shape).requires_grad_()
        y = silu(gate) * up
        dy = r.normal(*shape)
        dgate, dup = gradients(y, dy, gate, up)
        r.case(name, {"gate": gate, "up": up, "y": y, "dy": dy, "dgate": dgate, "dup": dup})
    r.done()


def record_attention():
    r = Recording("attention")
    for name, batch, queries, keys, heads, kv_heads, dim, seen in [
            ("causal", 2, 9, 9, 4, 2, 24, "causal"), ("long", 1, 300, 300, 2, 1, 16, "causal"), ("documents", 2, 40, 40, 3, 3, 8, "documents"),
            ("decode", 2, 3, 270, 4, 1, 12, "decode"), ("window", 1, 150, 150, 2, 2, 8, "window"), ("blind", 1, 5, 6, 2, 1, 10, "blind")]:
        i = torch.arange(queries).expand(batch, queries)
        first, last = {
            "causal": lambda: (0 * i, i),
            "documents": lambda: (torch.where(i < 13, 0, torch.where(i < 14, 13, 14)), i),      # the second document is one token
            "decode": lambda: (0 * i, i + torch.tensor([[keys - queries], [100]])),             # the second sequence has a shorter cache
            "window": lambda: ((i - 20).clamp(min=0), i),
            "blind": lambda: (0 * i, torch.where(i % 2 == 0, i, -1)),                           # every other query sees no key
        }[seen]()
        q = r.normal(batch, queries, heads, dim, scale=2.0).requires_grad_()
        k = r.normal(batch, keys, kv_heads, dim).requires_grad_()
        v = r.normal(batch, keys, kv_heads, dim).requires_grad_()
        dy = r.normal(*q.shape)
        scale = torch.tensor(dim ** -0.5).item()
        j = torch.arange(keys)
        visible = ((j >= first[..., None]) & (j <= last[..., None]))[:, None]                   # [batch, 1, queries, keys]
        scores = (q.transpose(1, 2) @ k.repeat_interleave(heads // kv_heads, 2).permute(0, 2, 3, 1) * scale).masked_fill(~visible, -torch.inf)
        m = scores.amax(-1)
        l = torch.where(visible, (scores - m[..., None].clamp(min=-1e300)).exp(), 0).sum(-1)
        sees = visible.any(-1)                                                                  # a row that sees nothing gives zeros, also as gradient
        o = scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), visible | ~sees[..., None], scale=scale, enable_gqa=True)
        o = (o * sees[..., None]).transpose(1, 2)
        dq, dk, dv = gradients(o, dy, q, k, v)
        r.case(name, {"q": q, "k": k, "v": v, "first": first, "last": last, "o": o, "m": m.transpose(1, 2), "l": l.transpose(1, 2),
                      "dy": dy, "dq": dq, "dk": dk, "dv": dv}, scale=scale)
    r.done()


def record_cross_entropy():
    r = Recording("cross_entropy")
    for name, rows, vocab, scale in [("small", 6, 263, 1.0), ("peaked", 5, 33, 30.0), ("two", 3, 2, 1.0)]:
        logits = r.normal(rows, vocab, scale=scale).requires_grad_()
        targets = r.integers(0, vocab, rows)
        targets[rows // 2] = -1
        loss = cross_entropy(logits, targets, reduction="none", ignore_index=-1)
        dloss = r.normal(rows)
        m = logits.amax(1)
        r.case(name, {"logits": logits, "targets": targets, "loss": loss, "m": m, "l": (logits - m[:, None]).exp().sum(1),
                      "dloss": dloss, "dlogits": gradients(loss, dloss, logits)[0]})
    r.done()


def record_embed():
    r = Recording("embed")
    for name, vocab, shape, leaves in [("small", 50, (2, 7), 2), ("crowded", 3, (1, 600), 1)]:
        weight = r.normal(vocab, 12).requires_grad_()
        ids = r.integers(0, vocab, *shape)
        dy = r.normal(*shape, 12)
        dweight = by_leaf(lambda rows: gradients(embedding(ids.flatten()[rows], weight), dy.flatten(0, 1)[rows], weight)[0], leaves, ids.numel())
        r.case(name, {"weight": weight, "ids": ids, "y": embedding(ids, weight), "dy": dy, "dweight": dweight}, leaves=leaves)
    r.done()


def record_adam_w():
    """Three steps; `param0`, `m0`, `v0` hold the start and the index the step."""
    r = Recording("adam_w", "torch.optim.AdamW in fp64 on the CPU")
    for name, shape, rate, epsilon, decay, grad_scale in [("decay", (7, 33), 1e-2, 1e-8, 0.1, 1.0), ("no_decay", (45,), 1e-3, 1e-8, 0.0, 0.25),
                                                          ("tiny_gradients", (3, 20), 1e-3, 1e-8, 0.1, 1e-7)]:
        param = r.normal(*shape).requires_grad_()
        optimizer = torch.optim.AdamW([param], lr=rate, betas=(0.9, 0.95), eps=epsilon, weight_decay=decay)
        tensors = {"param0": param.detach().clone(), "m0": torch.zeros(shape), "v0": torch.zeros(shape)}
        for step in range(1, 4):
            grad = r.normal(*shape)
            param.grad = grad * grad_scale
            optimizer.step()
            state = optimizer.state[param]
            tensors |= {f"grad{step}": grad, f"param{step}": param.detach().clone(),
                        f"m{step}": state["exp_avg"].clone(), f"v{step}": state["exp_avg_sq"].clone()}
        r.case(name, tensors, learningRate=rate, beta1=0.9, beta2=0.95, epsilon=epsilon, weightDecay=decay, gradScale=grad_scale)
    r.done()


def orthogonal(a):
    """The hybrid Newton-Schulz iteration: eight steps that converge fast, two that settle the singular values at 1."""
    x = a / a.norm()
    for p, q, s in 8 * [(3.4445, -4.7750, 2.0315)] + 2 * [(2.0, -1.5, 0.5)]:
        gram = x @ x.mT
        x = p * x + (q * gram + s * gram @ gram) @ x
    return x


def record_muon():
    """Three steps; `update` is the orthogonal factor that the step subtracts after scaling."""
    r = Recording("muon", "the definition of Muon with the hybrid Newton-Schulz iteration, in fp64 on the CPU")
    rate, mu, gamma, decay = 0.02, 0.95, 0.18, 0.1
    for name, rows, columns in [("tall", 48, 20), ("wide", 20, 48), ("square", 32, 32)]:
        w, momentum = r.normal(rows, columns, scale=0.2), torch.zeros(rows, columns).double()
        tensors = {"w0": w}
        for step in range(1, 4):
            g = r.normal(rows, columns)
            momentum = mu * momentum + g
            update = orthogonal(mu * momentum + g)
            w = w * (1 - rate * decay) - rate * gamma * max(rows, columns) ** 0.5 * update
            tensors |= {f"grad{step}": g, f"momentum{step}": momentum, f"update{step}": update, f"w{step}": w}
        r.case(name, tensors, learningRate=rate, momentum=mu, gamma=gamma, weightDecay=decay)
        print(f"  {name}: singular values {torch.linalg.svdvals(update).min():.5f} to {torch.linalg.svdvals(update).max():.5f}")
    r.done()


if __name__ == "__main__":
    torch.set_num_threads(1)
    record_mat_mul()
    record_rms_norm()
    record_rope()
    record_swi_glu()
    record_attention()
    record_cross_entropy()
    record_embed()
    record_adam_w()
    record_muon()
