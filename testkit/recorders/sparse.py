"""Records the operators of attention over compressed entries and their gradients, as `ops.py` does: formulas in fp64 on F32 inputs, rounded once."""

import torch

from ops import AUTOGRAD, Recording, by_leaf, gradients

SOURCE = "the formulas of DeepSeek-V4 in plain PyTorch, " + AUTOGRAD


def recording(name):
    recording = Recording(name, SOURCE)
    recording.file = __file__
    return recording


def compress(content, gate, bias, ratio, overlap, continued):
    """Windows by windows; the softmax runs over the slots, for each channel by itself."""
    channels = content.shape[-1] // (2 if overlap else 1)
    entries = []
    for window in range(1 if continued else 0, content.shape[1] // ratio):
        own = slice(window * ratio, (window + 1) * ratio)
        gates, contents = (gate[:, own] + bias)[..., -channels:], content[:, own, -channels:]
        if overlap and window > 0:
            before = slice((window - 1) * ratio, window * ratio)
            gates = torch.cat([(gate[:, before] + bias)[..., :channels], gates], 1)
            contents = torch.cat([content[:, before, :channels], contents], 1)
        entries.append((gates.softmax(1) * contents).sum(1))
    return torch.stack(entries, 1)


def record_compress():
    r = recording("compress")
    for name, batch, tokens, channels, ratio, overlap, continued, leaves in [
            ("windows", 2, 70, 12, 32, False, False, 2), ("overlapping", 4, 23, 9, 4, True, False, 2), ("continued", 2, 24, 9, 4, True, True, 1), ("many", 2, 1200, 2, 4, True, False, 1)]:
        width = channels * (2 if overlap else 1)
        content, gate = r.normal(batch, tokens, width).requires_grad_(), r.normal(batch, tokens, width, scale=2.0).requires_grad_()
        bias = r.normal(ratio, width).requires_grad_()
        of = lambda part: compress(content[part], gate[part], bias, ratio, overlap, continued)
        entries = of(slice(None))
        dy = r.normal(*entries.shape)
        dcontent, dgate = torch.autograd.grad(entries, (content, gate), dy, retain_graph=True)
        dbias = by_leaf(lambda part: gradients(of(part), dy[part], bias)[0], leaves, batch)
        r.case(name, {"content": content, "gate": gate, "bias": bias, "entries": entries, "dy": dy, "dcontent": dcontent, "dgate": dgate, "dbias": dbias},
               ratio=ratio, overlap=overlap, continued=continued, leaves=leaves)
    r.done()


def joint_attention(q, raw, entries, sink, sees_raw, sees_entries, scale):
    """`sees_*` are masks `[batch, queries, keys]`; gives o, and the greatest logit and the sum of exponentials."""
    keys = torch.cat([entries, raw], 1)
    mask = torch.cat([sees_entries, sees_raw], 2)[:, :, None]                                   # [batch, queries, 1, keys]
    scores = (torch.einsum("bthd,bkd->bthk", q, keys) * scale).masked_fill(~mask, -torch.inf)
    logits = torch.cat([scores, sink[None, None, :, None].expand(*scores.shape[:3], 1)], 3)
    m = logits.amax(3)
    return torch.einsum("bthk,bkd->bthd", logits.softmax(3)[..., :-1], keys), m, (logits - m[..., None]).exp().sum(3)


def record_joint_attention():
    r = recording("joint_attention")
    for name, batch, queries, rows, heads, dim, window, ratio, origin, places, leaves in [
            ("window", 2, 40, 40, 4, 24, 16, 0, 0, 0, 2), ("entries", 1, 300, 300, 3, 16, 130, 4, 0, 0, 1), ("gathered", 2, 90, 90, 4, 12, 16, 4, 0, 6, 1),
            ("ring", 2, 3, 20, 4, 32, 16, 4, 1100, 0, 2), ("far", 1, 2, 48, 2, 16, 32, 4, 1048512, 140, 1)]:
        i = torch.arange(queries)
        last = (i if origin == 0 else i + rows + 3 if name == "ring" else i + rows - queries).expand(batch, queries)
        first = (last - window + 1).clamp(min=0)
        position = origin + last
        count = {"ring": 150, "far": 200}.get(name, rows // max(1, ratio) if ratio else 0)
        q, raw, entries = r.normal(batch, queries, heads, dim, scale=2.0).requires_grad_(), r.normal(batch, rows, dim).requires_grad_(), r.normal(batch, count, dim).requires_grad_()
        sink = r.normal(heads).requires_grad_()
        dy = r.normal(*q.shape)
        scale = torch.tensor(dim ** -0.5).item()
        row = torch.arange(rows)
        offset = (row - first[..., None]) % rows                                                # how far behind the first seen index
        sees_raw = offset <= (last - first)[..., None]
        visible = ((position + 1) // ratio).clamp(max=count) if ratio else torch.zeros_like(position)
        sees_entries = torch.arange(count) < visible[..., None]
        tensors = {"visible": visible}
        if places:
            scores = torch.rand(batch, queries, count, generator=r.draw).masked_fill(~sees_entries, -1)
            value, index = scores.topk(places, -1)
            chosen = torch.where(value >= 0, index, count).sort(-1).values
            sees_entries = torch.zeros(batch, queries, count + 1, dtype=torch.bool).scatter(2, chosen, True)[..., :count]
            tensors = {"chosen": torch.where(chosen == count, -1, chosen)}
        of = lambda part: joint_attention(q[part], raw[part], entries[part], sink, sees_raw[part], sees_entries[part], scale)
        o, m, l = of(slice(None))
        dq, draw, dentries = torch.autograd.grad(o, (q, raw, entries), dy, retain_graph=True)
        dsink = by_leaf(lambda part: gradients(of(part)[0], dy[part], sink)[0], leaves, batch)
        r.case(name, {"q": q, "raw": raw, "entries": entries, "sink": sink, "first": first, "last": last, "origin": torch.full((batch,), origin), **tensors,
                      "o": o, "m": m, "l": l, "dy": dy, "dq": dq, "draw": draw, "dentries": dentries, "dsink": dsink}, scale=scale, gathered=bool(places), leaves=leaves)
    r.done()


def record_index_scores():
    r = recording("index_scores")
    for name, batch, queries, count, heads, dim, ratio in [("small", 2, 30, 7, 3, 24, 4), ("long", 1, 8, 600, 16, 64, 0)]:
        q, k, weight = r.normal(batch, queries, heads, dim).requires_grad_(), r.normal(batch, count, dim).requires_grad_(), r.normal(batch, queries, heads).requires_grad_()
        visible = ((torch.arange(queries) + 1) // ratio if ratio else r.integers(0, count + 1, queries)).expand(batch, queries)
        sees = torch.arange(count) < visible[..., None]
        scores = torch.einsum("bth,bthw->btw", weight, torch.einsum("bthd,bwd->bthw", q, k).relu())
        dy = r.normal(*scores.shape)
        dq, dk, dweight = gradients(scores, dy * sees, q, k, weight)
        r.case(name, {"q": q, "k": k, "weight": weight, "visible": visible, "scores": scores.masked_fill(~sees, -torch.inf), "dy": dy, "dq": dq, "dk": dk, "dweight": dweight})
    r.done()


def record_index_loss():
    """The teacher's shares and the loss against them, over all visible entries and over chosen ones."""
    r = recording("index_loss")
    for name, batch, queries, rows, heads, dim, places in [("visible", 2, 30, 30, 3, 16, 0), ("gathered", 1, 40, 40, 2, 8, 5)]:
        count = rows // 4
        q, raw, entries, sink = r.normal(batch, queries, heads, dim, scale=2.0), r.normal(batch, rows, dim), r.normal(batch, count, dim), r.normal(heads)
        scale = torch.tensor(dim ** -0.5).item()
        i = torch.arange(queries).expand(batch, queries)
        sees_raw = (torch.arange(rows) <= i[..., None]) & (torch.arange(rows) > i[..., None] - 8)
        visible = (i + 1) // 4
        sees = torch.arange(count) < visible[..., None]
        scores = r.normal(batch, queries, count).requires_grad_()
        tensors = {"visible": visible}
        if places:
            value, index = torch.where(sees, scores, -torch.inf).topk(places, -1)
            chosen = torch.where(value > -torch.inf, index, count).sort(-1).values
            sees = torch.zeros(batch, queries, count + 1, dtype=torch.bool).scatter(2, chosen, True)[..., :count]
            tensors = {"visible": visible, "chosen": torch.where(chosen == count, -1, chosen)}
        _, m, l = joint_attention(q, raw, entries, sink, sees_raw, sees, scale)
        p = ((torch.einsum("bthd,bwd->bthw", q, entries) * scale - m[..., None]).exp() / l[..., None] * sees[:, :, None]).sum(2)
        share = p / p.sum(-1, keepdim=True).clamp(min=1e-300)
        log_q = scores.masked_fill(~sees, -1e300).log_softmax(-1)
        loss = torch.where(sees, share * (share.clamp(min=1e-300).log() - log_q), 0).sum(-1)
        dloss = r.normal(batch, queries)
        dscores, = gradients(loss, dloss, scores)
        if places:
            share = torch.cat([share, torch.zeros(batch, queries, 1)], -1).gather(2, chosen)
        r.case(name, {"q": q, "entries": entries, "m": m, "l": l, **tensors, "share": share, "scores": scores, "loss": loss, "dloss": dloss, "dscores": dscores},
               scale=scale, gathered=bool(places), k=places)
    r.done()


if __name__ == "__main__":
    torch.set_num_threads(1)
    record_compress()
    record_joint_attention()
    record_index_scores()
    record_index_loss()
