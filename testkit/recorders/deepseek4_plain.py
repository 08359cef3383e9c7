"""The forward pass of DeepSeek-V4 with its multi-token prediction, in plain PyTorch and in any float type.

Written from the paper's formulas and independent of transformers, whose results it checks: in fp64 it tells how far fp32 is from the truth,
and how wide the gap was at every choice of experts and of compressed entries. One sequence at a time, no cache.
"""

import math

import torch
from torch.nn.functional import silu, softplus


class Plain:
    """The model of one `config.json` and its tensors, under published names."""

    def __init__(self, config, weights, dtype):
        self.config = config
        self.dtype = dtype
        self.weights = {n: w.to(dtype) if w.is_floating_point() else w for n, w in weights.items()}
        self.choices = {}                           # gate or indexer: (scores [tokens, candidates], how many are chosen)
        self.teaches = False                        # whether the indexers' loss is worked out,
        self.dense = False                          # and whether attention sees every entry that is ready meanwhile
        self.index_losses = {}                      # indexer: loss of each token

    def states(self, tokens):
        """The four streams after every layer: a list of `[tokens, 4, hidden]`."""
        x = self.weights["embed.weight"][tokens][:, None].expand(-1, self.config["hc_mult"], -1)
        states = []
        for layer in range(self.config["num_hidden_layers"]):
            hashed = layer < self.config["num_hash_layers"]
            x = self.block(x, f"layers.{layer}.", self.config["compress_ratios"][layer], tokens if hashed else None)
            states.append(x)
        return states

    def logits(self, tokens):
        return self.head(self.states(tokens)[-1], "hc_head_", "norm")

    def mtp_logits(self, tokens):
        """Logits `[tokens - 1, vocab]` of the token after the next: row `i` sees the states up to `i` and tokens up to `i + 1`."""
        x = self.states(tokens[:-1])[-1]
        following = self.linear(self.norm(self.weights["embed.weight"][tokens[1:]], "mtp.0.enorm"), "mtp.0.e_proj")
        x = following[:, None] + self.linear(self.norm(x, "mtp.0.hnorm"), "mtp.0.h_proj")
        return self.head(self.block(x, "mtp.0.", 0, None), "mtp.0.hc_head_", "mtp.0.norm")

    def head(self, x, hyper, norm):
        pre = torch.sigmoid(self.mixes(x, hyper) * self.weights[hyper + "scale"] + self.weights[hyper + "base"]) + self.config["hc_eps"]
        return self.linear(self.norm(torch.einsum("ts,tsd->td", pre, x), norm), "head")

    def block(self, x, at, ratio, tokens):
        x = self.hyper(x, at + "hc_attn_", lambda u: self.attention(self.norm(u, at + "attn_norm"), at + "attn.", ratio))
        return self.hyper(x, at + "hc_ffn_", lambda u: self.experts(self.norm(u, at + "ffn_norm"), at + "ffn.", tokens))

    def mixes(self, x, hyper):
        v = x.flatten(1)
        return (v @ self.weights[hyper + "fn"].T) * torch.rsqrt(v.square().mean(1, keepdim=True) + self.config["rms_norm_eps"])

    def hyper(self, x, at, sublayer):
        """One sub-layer between the streams, the residual matrix made doubly stochastic."""
        n, eps = self.config["hc_mult"], self.config["hc_eps"]
        scale, base = self.weights[at + "scale"], self.weights[at + "base"]
        m = self.mixes(x, at)
        pre = torch.sigmoid(scale[0] * m[:, :n] + base[:n]) + eps
        post = 2 * torch.sigmoid(scale[1] * m[:, n:2 * n] + base[n:2 * n])
        comb = torch.softmax((scale[2] * m[:, 2 * n:] + base[2 * n:]).view(-1, n, n), 2) + eps
        comb = comb / (comb.sum(1, keepdim=True) + eps)
        for _ in range(self.config["hc_sinkhorn_iters"] - 1):
            comb = comb / (comb.sum(2, keepdim=True) + eps)
            comb = comb / (comb.sum(1, keepdim=True) + eps)
        y = sublayer(torch.einsum("ts,tsd->td", pre, x))
        return post[:, :, None] * y[:, None] + torch.einsum("tjk,tjd->tkd", comb, x)

    def attention(self, x, at, ratio):
        c = self.config
        heads, width, tokens = c["num_attention_heads"], c["head_dim"], len(x)
        time = torch.arange(tokens)
        latent = self.norm(self.linear(x, at + "wq_a"), at + "q_norm")
        q = self.linear(latent, at + "wq_b").view(tokens, heads, width).transpose(0, 1)
        q = self.rope(q * torch.rsqrt(q.square().mean(-1, keepdim=True) + c["rms_norm_eps"]), time, ratio)
        keys = self.rope(self.norm(self.linear(x, at + "wkv"), at + "kv_norm"), time, ratio)
        seen = (time <= time[:, None]) & (time > time[:, None] - c["sliding_window"])
        if ratio:
            entries = self.compress(x, at + "compressor.", ratio)
            ready = (torch.arange(len(entries)) + 1) * ratio - 1 <= time[:, None]
            if ratio == 4:
                ready, scores = self.chosen(x, latent, at + "indexer.", ready)
            keys, seen = torch.cat([keys, entries]), torch.cat([seen, ready], 1)
        found = (q @ keys.T / math.sqrt(width)).masked_fill(~seen, -math.inf)
        sink = self.weights[at + "attn_sink"][:, None, None].expand(-1, tokens, 1)
        shares = torch.softmax(torch.cat([found, sink], 2), 2)[..., :-1]
        if ratio == 4 and self.teaches:
            self.index_losses[at + "indexer."] = self.divergence(shares[..., tokens:].detach().sum(0), scores, ready)
        o = self.rope(shares @ keys, -time, ratio)
        groups = c["o_groups"]
        parts = o.transpose(0, 1).reshape(tokens, groups, -1)
        z = torch.einsum("tgi,goi->tgo", parts, self.weights[at + "wo_a.weight"].view(groups, c["o_lora_rank"], -1))
        return self.linear(z.flatten(1), at + "wo_b")

    def compress(self, x, at, ratio):
        """Entries `[windows, width]` of whole windows; at ratio 4 each pools the first channels of the window before and the last of its own."""
        windows = len(x) // ratio
        content = self.linear(x[:windows * ratio], at + "wkv").view(windows, ratio, -1)
        gate = self.linear(x[:windows * ratio], at + "wgate").view(windows, ratio, -1) + self.weights[at + "ape"]
        if ratio == 4:
            def overlapped(t, before):
                first, last = t.chunk(2, -1)
                return torch.cat([torch.cat([torch.full_like(first[:1], before), first])[:windows], last], 1)
            content, gate = overlapped(content, 0.0), overlapped(gate, -math.inf)
        pooled = (torch.softmax(gate, 1) * content).sum(1)
        return self.rope(self.norm(pooled, at + "norm"), torch.arange(windows) * ratio, ratio)

    def chosen(self, x, latent, at, ready):
        """The entries each token attends to: of those ready, the ones with the highest index scores, or all where attention is dense. Gives the scores too."""
        c = self.config
        if self.teaches:                            # what the indexer looks at is not its to change
            x, latent = x.detach(), latent.detach()
        heads, width = c["index_n_heads"], c["index_head_dim"]
        keys = self.compress(x, at + "compressor.", 4)
        q = self.rope(self.linear(latent, at + "wq_b").view(len(x), heads, width).transpose(0, 1), torch.arange(len(x)), 4)
        weight = self.linear(x, at + "weights_proj") / math.sqrt(width * heads)
        scores = torch.einsum("htw,th->tw", torch.relu(q @ keys.T), weight).masked_fill(~ready, -math.inf)
        k = min(c["index_topk"], len(keys))
        self.choices[at] = scores.detach(), k
        best = torch.sort(scores, dim=1, descending=True, stable=True).indices[:, :k]
        return ready if self.dense else torch.zeros_like(ready).scatter(1, best, True) & ready, scores

    def divergence(self, attention, scores, seen):
        """Kullback-Leibler divergence, for each token, of the softmax of its scores from the shares of its attention, both over the entries it has seen; 0 where it has seen none."""
        attention = attention.masked_fill(~seen, 0)
        share = attention / attention.sum(1, keepdim=True).clamp(min=1e-300)
        log_q = torch.log_softmax(scores.masked_fill(~seen, -1e30), 1)
        return torch.where(seen, share * (share.clamp(min=1e-300).log() - log_q), 0).sum(1)

    def experts(self, x, at, tokens):
        c = self.config
        scores = softplus(self.linear(x, at + "gate")).sqrt()
        if tokens is None:
            k = c["num_experts_per_tok"]
            ranked = scores + self.weights[at + "gate.bias"]
            self.choices[at] = ranked.detach(), k
            chosen = torch.sort(ranked, dim=1, descending=True, stable=True).indices[:, :k]
        else:
            chosen = self.weights[at + "gate.tid2eid"][tokens]
        weight = scores.gather(1, chosen)
        weight = weight / (weight.sum(1, keepdim=True) + 1e-20) * c["routed_scaling_factor"]
        y = self.expert(x, at + "shared_experts.")
        for e in range(c["n_routed_experts"]):
            token, place = torch.where(chosen == e)
            y = y.index_add(0, token, weight[token, place, None] * self.expert(x[token], at + f"experts.{e}."))
        return y

    def expert(self, x, at):
        limit = self.config["swiglu_limit"]
        return self.linear(silu(self.linear(x, at + "w1").clamp(max=limit)) * self.linear(x, at + "w3").clamp(-limit, limit), at + "w2")

    def linear(self, x, name):
        return x @ self.weights[name + ".weight"].T

    def norm(self, x, name):
        return self.weights[name + ".weight"] * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.config["rms_norm_eps"])

    def rope(self, x, positions, ratio):
        """Turns pairs of the last channels of `[..., rows, width]`; layers that compress have a base of their own and YaRN."""
        c = self.config
        size = c["qk_rope_head_dim"]
        base = c["compress_rope_theta"] if ratio else c["rope_theta"]
        frequency = base ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
        if ratio:
            yarn = c["rope_scaling"]

            def channel(turns):
                return size * math.log(yarn["original_max_position_embeddings"] / (2 * math.pi * turns)) / (2 * math.log(base))

            low, high = max(math.floor(channel(yarn["beta_fast"])), 0), min(math.ceil(channel(yarn["beta_slow"])), size - 1)
            slow = ((torch.arange(size // 2) - low) / (high - low)).clamp(0, 1).double()
            frequency = frequency * (1 - slow) + frequency / yarn["factor"] * slow
        angle = positions[:, None] * frequency
        cos, sin = angle.cos().to(self.dtype), angle.sin().to(self.dtype)
        a, b = x[..., -size::2], x[..., 1 - size::2]
        return torch.cat([x[..., :-size], torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)], -1)
