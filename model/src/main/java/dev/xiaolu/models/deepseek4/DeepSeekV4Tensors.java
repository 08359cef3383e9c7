package dev.xiaolu.models.deepseek4;

import dev.xiaolu.models.deepseek4.DeepSeekV4Tensor.Axis;
import dev.xiaolu.models.deepseek4.DeepSeekV4Tensor.Kind;
import java.util.ArrayList;
import java.util.List;

/// The table of all tensors of a model: names here and in transformers, shapes, and how they are published.
final class DeepSeekV4Tensors {
    private final DeepSeekV4Config config;
    private final List<DeepSeekV4Tensor> tensors = new ArrayList<>();
    private final Axis vocab;
    private final Axis hidden;
    private final Axis streams;
    private final Axis mixing;
    private final Axis experts;
    private final Axis width;
    private final Axis queryRank;
    private final Axis dim;
    private String ours = "";
    private String theirs = "";

    private DeepSeekV4Tensors(DeepSeekV4Config config) {
        this.config = config;
        vocab = new Axis("vocab_size", config.vocabSize());
        hidden = new Axis("hidden_size", config.hiddenSize());
        streams = new Axis("hc_mult · hidden_size", (long) config.hcMult() * config.hiddenSize());
        mixing = new Axis("hc_mult · (hc_mult + 2)", config.hcMult() * (config.hcMult() + 2L));
        experts = new Axis("n_routed_experts", config.numRoutedExperts());
        width = new Axis("moe_intermediate_size", config.moeIntermediateSize());
        queryRank = new Axis("q_lora_rank", config.qLoraRank());
        dim = new Axis("head_dim", config.headDim());
    }

    /// All tensors in the order of the model, the additional prediction block last where the config has one.
    static List<DeepSeekV4Tensor> of(DeepSeekV4Config config) {
        var table = new DeepSeekV4Tensors(config);
        table.add("embed.weight", "model.embed_tokens.weight", Kind.PLAIN, table.vocab, table.hidden);
        for (int layer = 0; layer < config.numLayers(); layer++) {
            table.ours = "layers." + layer + ".";
            table.theirs = "model.layers." + layer + ".";
            table.addLayer(config.compressRatios().get(layer), layer < config.numHashLayers());
        }
        table.ours = "";
        table.theirs = "model.";
        table.add("norm.weight", "norm.weight", Kind.PLAIN, table.hidden);
        table.addCollapse();
        table.theirs = "";
        table.add("head.weight", "lm_head.weight", Kind.PLAIN, table.vocab, table.hidden);
        for (int block = 0; block < config.numNextnPredictLayers(); block++) {
            table.ours = "mtp." + block + ".";
            table.addPrediction();
        }
        return List.copyOf(table.tensors);
    }

    private void addLayer(int ratio, boolean hashed) {
        add("attn_norm.weight", "input_layernorm.weight", Kind.PLAIN, hidden);
        add("ffn_norm.weight", "post_attention_layernorm.weight", Kind.PLAIN, hidden);
        for (String half : List.of("attn", "ffn")) {
            add("hc_" + half + "_fn", half + "_hc.fn", Kind.FULL, mixing, streams);
            add("hc_" + half + "_base", half + "_hc.base", Kind.FULL, mixing);
            add("hc_" + half + "_scale", half + "_hc.scale", Kind.FULL, new Axis("3", 3));
        }
        addAttention();
        if (ratio > 0) {
            addCompressor(ratio, "attn.compressor.", "self_attn.compressor.", dim);
        }
        if (ratio == DeepSeekV4Config.SPARSE) {
            addIndexer();
        }
        addExperts(hashed);
    }

    private void addAttention() {
        var heads = new Axis("num_attention_heads", config.numHeads());
        var queries = new Axis("num_attention_heads · head_dim", (long) config.numHeads() * config.headDim());
        var group = new Axis("num_attention_heads / o_groups · head_dim", (long) config.numHeads() / config.oGroups() * config.headDim());
        var outputs = new Axis("o_groups · o_lora_rank", (long) config.oGroups() * config.oLoraRank());
        add("attn.wq_a.weight", "self_attn.q_a_proj.weight", Kind.MATRIX, queryRank, hidden);
        add("attn.q_norm.weight", "self_attn.q_a_norm.weight", Kind.PLAIN, queryRank);
        add("attn.wq_b.weight", "self_attn.q_b_proj.weight", Kind.MATRIX, queries, queryRank);
        add("attn.wkv.weight", "self_attn.kv_proj.weight", Kind.MATRIX, dim, hidden);
        add("attn.kv_norm.weight", "self_attn.kv_norm.weight", Kind.PLAIN, dim);
        add("attn.attn_sink", "self_attn.sinks", Kind.FULL, heads);
        add("attn.wo_a.weight", "self_attn.o_a_proj.weight", Kind.MATRIX, outputs, group);
        add("attn.wo_b.weight", "self_attn.o_b_proj.weight", Kind.MATRIX, hidden, outputs);
    }

    /// Layers with overlapping windows have two halves of channels: one for the window before, one for their own.
    private void addCompressor(int ratio, String name, String published, Axis size) {
        var channels = ratio == DeepSeekV4Config.SPARSE ? new Axis("2 · " + size.keys(), 2 * size.size()) : size;
        add(name + "wkv.weight", published + "kv_proj.weight", Kind.PLAIN, channels, hidden);
        add(name + "wgate.weight", published + "gate_proj.weight", Kind.PLAIN, channels, hidden);
        add(name + "ape", published + "position_bias", Kind.FULL, new Axis("compress_ratios", ratio), channels);
        add(name + "norm.weight", published + "kv_norm.weight", Kind.PLAIN, size);
    }

    private void addIndexer() {
        var heads = new Axis("index_n_heads", config.indexNHeads());
        var queries = new Axis("index_n_heads · index_head_dim", (long) config.indexNHeads() * config.indexHeadDim());
        add("attn.indexer.wq_b.weight", "self_attn.compressor.indexer.q_b_proj.weight", Kind.MATRIX, queries, queryRank);
        add("attn.indexer.weights_proj.weight", "self_attn.compressor.indexer.scorer.weights_proj.weight", Kind.PLAIN, heads, hidden);
        addCompressor(DeepSeekV4Config.SPARSE, "attn.indexer.compressor.", "self_attn.compressor.indexer.", new Axis("index_head_dim", config.indexHeadDim()));
    }

    private void addExperts(boolean hashed) {
        add("ffn.gate.weight", "mlp.gate.weight", Kind.PLAIN, experts, hidden);
        if (hashed) {
            add("ffn.gate.tid2eid", "mlp.gate.tid2eid", Kind.TABLE, vocab, new Axis("num_experts_per_tok", config.numExpertsPerToken()));
        } else {
            add("ffn.gate.bias", "mlp.gate.e_score_correction_bias", Kind.BIAS, experts);
        }
        add("ffn.experts.w1.weight", "mlp.experts.gate_up_proj", Kind.EXPERTS, experts, width, hidden);
        add("ffn.experts.w2.weight", "mlp.experts.down_proj", Kind.EXPERTS, experts, hidden, width);
        add("ffn.experts.w3.weight", "mlp.experts.gate_up_proj", config.moeIntermediateSize(), Kind.EXPERTS, experts, width, hidden);
        add("ffn.shared_experts.w1.weight", "mlp.shared_experts.gate_proj.weight", Kind.MATRIX, width, hidden);
        add("ffn.shared_experts.w2.weight", "mlp.shared_experts.down_proj.weight", Kind.MATRIX, hidden, width);
        add("ffn.shared_experts.w3.weight", "mlp.shared_experts.up_proj.weight", Kind.MATRIX, width, hidden);
    }

    private void addCollapse() {
        var copies = new Axis("hc_mult", config.hcMult());
        add("hc_head_fn", "hc_head.hc_fn", Kind.FULL, copies, streams);
        add("hc_head_base", "hc_head.hc_base", Kind.FULL, copies);
        add("hc_head_scale", "hc_head.hc_scale", Kind.FULL, new Axis("1", 1));
    }

    /// One block of the backbone without compressor and hash table, between its own projections of embedding and state and its own collapse.
    private void addPrediction() {
        add("e_proj.weight", "", Kind.MATRIX, hidden, hidden);
        add("h_proj.weight", "", Kind.MATRIX, hidden, hidden);
        for (String norm : List.of("enorm", "hnorm", "norm")) {
            add(norm + ".weight", "", Kind.PLAIN, hidden);
        }
        addCollapse();
        addLayer(0, false);
    }

    private void add(String name, String published, Kind kind, Axis... axes) {
        add(name, published, 0, kind, axes);
    }

    private void add(String name, String published, long rowsFrom, Kind kind, Axis... axes) {
        tensors.add(new DeepSeekV4Tensor(ours + name, ours.startsWith("mtp.") ? "" : theirs + published, rowsFrom, kind, List.of(axes)));
    }
}
