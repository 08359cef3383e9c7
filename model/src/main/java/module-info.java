/// Gradients, modules, tokenizers and model families; knows no rank, device or thread.
module dev.xiaolu.model {
    requires transitive dev.xiaolu.core;
    requires transitive dev.xiaolu.store;
    requires tools.jackson.databind;

    exports dev.xiaolu.autograd;
    exports dev.xiaolu.nn;
    exports dev.xiaolu.models.deepseek4;
    exports dev.xiaolu.models.llama;
    exports dev.xiaolu.models.qwen3moe;
    exports dev.xiaolu.prompt;
    exports dev.xiaolu.tokenizer;

}
