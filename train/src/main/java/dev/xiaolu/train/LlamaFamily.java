package dev.xiaolu.train;

import dev.xiaolu.models.llama.Llama;
import dev.xiaolu.models.llama.LlamaConfig;
import dev.xiaolu.models.llama.LlamaWeights;
import dev.xiaolu.nn.Filler;
import dev.xiaolu.nn.SourceFiller;
import dev.xiaolu.nn.Training;
import dev.xiaolu.shape.DType;
import dev.xiaolu.store.TensorSource;
import dev.xiaolu.tokenizer.Tokenizer;
import java.lang.foreign.Arena;
import java.util.Optional;

/// Llama, and Qwen3 by its norms: our names are the published ones.
record LlamaFamily(RunConfig.Model model, Tokenizer tokenizer) implements ModelFamily {
    @Override public Made drawn(Arena arena, Filler filler) {
        return made(new Llama(config(), arena, filler));
    }

    @Override public Made restored(String subject, TensorSource source, Arena arena) {
        var filler = new SourceFiller(subject, source);
        var restored = new Llama(config(), arena, filler);
        filler.refuseUnused(_ -> false);
        return made(restored);
    }

    private static Made made(Llama llama) {
        return new Made(Training.plain(llama), LlamaWeights.tensors(llama.parameters(), DType.F32), LlamaWeights.configJson(llama.config(), DType.F32), llama.config().eosTokenIds());
    }

    private LlamaConfig config() {
        return new LlamaConfig(ModelFamily.vocabSize(model, tokenizer), model.hiddenSize(), model.intermediateSize(), model.numLayers(), model.numHeads(), model.kvHeads(), model.sizeOfHead(),
                (float) model.rmsNormEps(), model.ropeTheta(), Optional.empty(), model.tieWordEmbeddings(), model.qkNorm(), model.contextLength(), (float) model.initStd(),
                tokenizer.bos().stream().boxed().toList(), tokenizer.eos().stream().boxed().toList());
    }
}
