package dev.xiaolu.train;

import dev.xiaolu.models.deepseek4.DeepSeekV4;
import dev.xiaolu.models.deepseek4.DeepSeekV4Config;
import dev.xiaolu.models.deepseek4.DeepSeekV4Recipe;
import dev.xiaolu.models.deepseek4.DeepSeekV4Training;
import dev.xiaolu.models.deepseek4.DeepSeekV4Weights;
import dev.xiaolu.models.deepseek4.Rounding;
import dev.xiaolu.nn.Filler;
import dev.xiaolu.store.TensorSource;
import dev.xiaolu.tokenizer.Tokenizer;
import java.lang.foreign.Arena;
import java.util.Optional;

/// DeepSeek-V4: checkpoints have the published layout, in F32.
///
/// @param decayFrom    first step at which the learning rate decays
/// @param tokensOfStep the most tokens that a step trains on
record DeepSeekV4Family(RunConfig.Model model, DeepSeekV4Settings settings, long decayFrom, long tokensOfStep, Tokenizer tokenizer) implements ModelFamily {
    private static final double YARN_BETA_FAST = 32;
    private static final double YARN_BETA_SLOW = 1;

    @Override public Made drawn(Arena arena, Filler filler) {
        return made(new DeepSeekV4(config(), rounding(), arena, filler), arena);
    }

    @Override public Made restored(String subject, TensorSource source, Arena arena) {
        return made(new DeepSeekV4(config(), rounding(), arena, DeepSeekV4Weights.of(subject, config(), source)), arena);
    }

    private Made made(DeepSeekV4 made, Arena arena) {
        var recipe = new DeepSeekV4Recipe((float) settings.balanceWeight(), (float) settings.routerBiasSpeed(), (float) settings.mtpWeight(), (float) settings.mtpDecayWeight(), decayFrom,
                (float) settings.indexerWeight(), settings.denseSteps(), settings.routingLag());
        return new Made(new DeepSeekV4Training(made, recipe, tokensOfStep, arena), DeepSeekV4Weights.tensors(made, arena),
                DeepSeekV4Weights.configJson(made.config(), DeepSeekV4Weights.Form.NATIVE_F32), made.config().eosTokenIds());
    }

    private Rounding rounding() {
        return new Rounding(settings.fp4Experts(), settings.fp4Indexer());
    }

    private DeepSeekV4Config config() {
        Optional<DeepSeekV4Config.Yarn> yarn = settings.yarnFactor() == 1 ? Optional.empty()
                : Optional.of(new DeepSeekV4Config.Yarn(settings.yarnFactor(), settings.yarnOriginalLength(), YARN_BETA_FAST, YARN_BETA_SLOW));
        return new DeepSeekV4Config(ModelFamily.vocabSize(model, tokenizer), model.hiddenSize(), model.numLayers(), model.numHeads(), model.sizeOfHead(), settings.qkRopeHeadDim(),
                settings.qLoraRank(), settings.oGroups(), settings.oLoraRank(), settings.slidingWindow(), settings.compressRatios(), settings.indexNHeads(), settings.indexHeadDim(),
                settings.indexTopk(), settings.numRoutedExperts(), settings.numExpertsPerToken(), settings.moeIntermediateSize(), (float) settings.routedScalingFactor(),
                settings.numHashLayers(), (float) settings.swigluLimit(), settings.hcMult(), settings.hcSinkhornIters(), (float) settings.hcEps(), (float) model.rmsNormEps(),
                model.ropeTheta(), settings.compressRopeTheta(), yarn, model.contextLength(), settings.numNextnPredictLayers(), (float) model.initStd(),
                tokenizer.bos().stream().boxed().toList(), tokenizer.eos().stream().boxed().toList());
    }
}
