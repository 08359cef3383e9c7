"""Records hyper-connections, routers and experts: their formulas written out in fp64 and differentiated by PyTorch autograd.

The folders are as those of `ops.py`, which this script uses.
"""

import torch
from torch.nn.functional import silu, softplus

from ops import Recording, by_leaf, gradients

SOURCE = "the formulas in fp64 and PyTorch autograd, on the CPU"


def sinkhorn(c, iterations, epsilon):
    matrix = c.softmax(-1) + epsilon
    matrix = matrix / (matrix.sum(-2, keepdim=True) + epsilon)
    for _ in range(iterations - 1):
        matrix = matrix / (matrix.sum(-1, keepdim=True) + epsilon)
        matrix = matrix / (matrix.sum(-2, keepdim=True) + epsilon)
    return matrix


def rounded(epsilon):
    return torch.tensor(epsilon).item()


def record_hyper_gates():
    r = Recording("hyper_gates", SOURCE)
    for name, shape, n, iterations, epsilon, spread, leaves in [("four_streams", (3, 7), 4, 20, 1e-6, 1.0, 3), ("spread", (40,), 4, 20, 1e-6, 4.0, 2),
                                                                ("long", (600,), 2, 3, 1e-6, 1.0, 2), ("once", (5,), 3, 1, 1e-3, 1.0, 1)]:
        epsilon = rounded(epsilon)
        gates = n * (n + 2)
        m = r.normal(*shape, gates, scale=spread).requires_grad_()
        base, scale = r.normal(gates).requires_grad_(), r.normal(3).requires_grad_()

        def forward(m):
            z = m * scale.repeat_interleave(torch.tensor([n, n, n * n])) + base
            return (z[..., :n].sigmoid() + epsilon, 2 * z[..., n:2 * n].sigmoid(), sinkhorn(z[..., 2 * n:].unflatten(-1, (n, n)), iterations, epsilon))

        outputs = forward(m)
        seeds = [r.normal(*output.shape) for output in outputs]
        rows = m.numel() // gates

        def of_parameter(parameter):
            def leaf(run):
                y = forward(m.flatten(0, -2)[run])
                return torch.autograd.grad(y, parameter, [seed.flatten(0, len(shape) - 1)[run] for seed in seeds])[0]
            return by_leaf(leaf, leaves, rows)

        dm, = torch.autograd.grad(outputs, m, seeds, retain_graph=True)
        r.case(name, {"m": m, "base": base, "scale": scale, "pre": outputs[0], "post": outputs[1], "comb": outputs[2], "dpre": seeds[0], "dpost": seeds[1], "dcomb": seeds[2],
                      "dm": dm, "dbase": of_parameter(base), "dscale": of_parameter(scale)}, iterations=iterations, epsilon=epsilon, leaves=leaves)
    r.done()


def record_hyper_streams():
    """Reading by the gates of a layer and of the head, and mixing."""
    r = Recording("hyper_streams", SOURCE)
    for name, shape, n, hidden in [("small", (2, 5), 4, 33), ("two", (3,), 2, 300)]:
        x, y = r.normal(*shape, n, hidden).requires_grad_(), r.normal(*shape, hidden).requires_grad_()
        pre, post, comb = r.normal(*shape, n).requires_grad_(), r.normal(*shape, n).requires_grad_(), r.normal(*shape, n, n).requires_grad_()
        u = torch.einsum("...s,...sc->...c", pre, x)
        mixed = post[..., None] * y[..., None, :] + torch.einsum("...jk,...jc->...kc", comb, x)
        du, dmixed = r.normal(*u.shape), r.normal(*mixed.shape)
        dpre, dx_of_u = gradients(u, du, pre, x)
        dx, dy, dpost, dcomb = gradients(mixed, dmixed, x, y, post, comb)
        m, base, scale = r.normal(*shape, n).requires_grad_(), r.normal(n).requires_grad_(), r.normal(1).requires_grad_()
        head = (m * scale + base).sigmoid() + rounded(1e-6)
        dhead = r.normal(*head.shape)
        dm, dbase, dscale = gradients(head, dhead, m, base, scale)
        r.case(name, {"x": x, "y": y, "pre": pre, "post": post, "comb": comb, "u": u, "mixed": mixed, "du": du, "dmixed": dmixed, "dpre": dpre, "dx_of_u": dx_of_u,
                      "dx": dx, "dy": dy, "dpost": dpost, "dcomb": dcomb, "m": m, "base": base, "scale": scale, "head": head, "dhead": dhead,
                      "dm": dm, "dbase": dbase[None], "dscale": dscale[None]}, epsilon=rounded(1e-6))
    r.done()


def record_router():
    """From logits to weights and to the balance loss; `bias` takes part in the choice alone."""
    r = Recording("router", SOURCE)
    for name, batch, seq, experts, count, spread, route_scale in [("small", 2, 9, 16, 4, 1.0, 1.5), ("wide", 1, 300, 40, 6, 8.0, 2.5), ("few", 3, 5, 8, 2, 1.0, 1.0)]:
        z = r.normal(batch, seq, experts, scale=spread)
        z[0, 0, :2] = torch.tensor([25.0, -30.0])
        z.requires_grad_()
        s = softplus(z, threshold=20).sqrt()
        bias = r.normal(experts, scale=0.2)
        chosen = (s.detach().float() + bias.float()).topk(count).indices.sort(-1).values                # the choice is made in fp32, as ours is
        taken = s.gather(-1, chosen)
        weights = taken / (taken.sum(-1, keepdim=True) + 1e-20) * route_scale
        alpha = rounded(0.01)
        frequency = torch.zeros(batch, experts).double().scatter_add(1, chosen.flatten(1), torch.ones(batch, seq * count).double()) * experts / (count * seq)
        loss = alpha * (frequency * (s / s.sum(-1, keepdim=True)).mean(1)).sum(-1)
        ds, dweights, dloss = r.normal(*s.shape), r.normal(*weights.shape), r.normal(batch)
        dz, = torch.autograd.grad(s, z, ds, retain_graph=True)
        of_weights, = torch.autograd.grad(weights, s, dweights, retain_graph=True)
        of_loss, = torch.autograd.grad(loss, s, dloss, retain_graph=True)
        load = chosen.flatten().bincount(minlength=experts)
        r.case(name, {"z": z, "s": s, "ds": ds, "dz": dz, "bias": bias, "chosen": chosen.flatten(0, 1), "weights": weights.flatten(0, 1), "dweights": dweights.flatten(0, 1),
                      "ds_of_weights": of_weights.flatten(0, 1), "loss": loss, "dloss": dloss, "ds_of_loss": of_loss, "load": load,
                      "moved": bias + rounded(1e-3) * (load.double().mean() - load).sign()}, scale=route_scale, alpha=alpha, rate=rounded(1e-3))
    r.done()


def record_shares():
    """A router whose scores are the softmax of its logits; `taken` are the weights of the chosen, their scores as they stand."""
    r = Recording("shares", SOURCE)
    for name, rows, experts, count, spread, route_scale in [("small", 9, 16, 4, 1.0, 1.0), ("wide", 40, 128, 8, 3.0, 2.5), ("sharp", 5, 33, 2, 20.0, 1.0)]:
        z = r.normal(rows, experts, scale=spread).requires_grad_()
        s = z.softmax(-1)
        chosen = s.detach().float().topk(count).indices.sort(-1).values
        taken = s.gather(-1, chosen) * route_scale
        ds, dtaken = r.normal(*s.shape), r.normal(*taken.shape)
        dz, = torch.autograd.grad(s, z, ds, retain_graph=True)
        ds_of_taken, = torch.autograd.grad(taken, s, dtaken, retain_graph=True)
        r.case(name, {"z": z, "s": s, "ds": ds, "dz": dz, "chosen": chosen, "taken": taken, "dtaken": dtaken, "ds_of_taken": ds_of_taken}, scale=route_scale)
    r.done()


def record_experts():
    """A whole layer: tokens to their experts, gated products with a clamp, and back; then gradients by leaf of work."""
    r = Recording("experts", SOURCE)
    for name, rows, experts, count, hidden, inner, limit, leaves in [("small", 12, 6, 2, 9, 17, 0.5, 3), ("crowded", 600, 3, 2, 8, 7, 2.0, 2), ("idle", 4, 20, 3, 33, 5, 10.0, 1)]:
        x = r.normal(rows, hidden).requires_grad_()
        w1, w3 = (r.normal(experts, inner, hidden, scale=hidden ** -0.5).requires_grad_() for _ in range(2))
        w2 = r.normal(experts, hidden, inner, scale=inner ** -0.5).requires_grad_()
        weights = r.normal(rows, count).requires_grad_()
        chosen = torch.rand(rows, experts, generator=r.draw).topk(count).indices.sort(-1).values

        def forward(run):
            out = []
            for row in range(rows)[run]:
                total = 0
                for k, e in enumerate(chosen[row].tolist()):
                    gate, up = (w1[e] @ x[row]).clamp(max=limit), (w3[e] @ x[row]).clamp(-limit, limit)
                    total = total + weights[row, k] * (w2[e] @ (silu(gate) * up))
                out.append(total)
            return torch.stack(out)

        y = forward(slice(None))
        dy = r.normal(*y.shape)
        dx, dweights = torch.autograd.grad(y, (x, weights), dy, retain_graph=True)
        by_leaves = {f"d{n}": by_leaf(lambda run: torch.autograd.grad(forward(run), w, dy[run])[0], leaves, rows) for n, w in [("w1", w1), ("w2", w2), ("w3", w3)]}
        r.case(name, {"x": x, "w1": w1, "w2": w2, "w3": w3, "weights": weights, "chosen": chosen, "y": y, "dy": dy, "dx": dx, "dweights": dweights, **by_leaves},
               limit=limit, leaves=leaves)
    r.done()


def record_grouped_linear():
    r = Recording("grouped_linear", SOURCE)
    for name, rows, groups, out, inner, leaves in [("small", 6, 3, 5, 300, 2), ("long", 600, 2, 7, 21, 2)]:
        x, weight = r.normal(rows, groups, inner).requires_grad_(), r.normal(groups * out, inner).requires_grad_()
        y = torch.einsum("rgi,goi->rgo", x, weight.view(groups, out, inner))
        dy = r.normal(*y.shape)
        dweight = by_leaf(lambda run: torch.einsum("rgo,rgi->goi", dy[run], x[run]).flatten(0, 1), leaves, rows)
        dx, total = gradients(y, dy, x, weight)
        assert torch.allclose(dweight.sum(0), total)
        r.case(name, {"x": x, "weight": weight, "y": y, "dy": dy, "dx": dx, "dweight": dweight}, leaves=leaves)
    r.done()


if __name__ == "__main__":
    torch.set_num_threads(1)
    record_hyper_gates()
    record_hyper_streams()
    record_router()
    record_shares()
    record_experts()
    record_grouped_linear()
