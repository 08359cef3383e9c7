package dev.xiaolu.train;

import dev.xiaolu.platform.Faults;
import java.util.List;

/// Everything that decides a run: each section is a record, each component one setting.
///
/// In YAML and on the command line a component is `section.name_in_snake_case`. Read by [ConfigReader], written by [ConfigWriter]. A config that
/// exists is sound: the constructor refuses every impossible value, all of them in one message.
public record RunConfig(Run run, Model model, DeepSeekV4Settings deepseek4, Train train, Optim optim, Data data, Tokenizer tokenizer, Eval eval, Sample sample, Cpu cpu, LaunchSettings launch) {
    public RunConfig {
        var faults = new Faults("config");
        check(faults, model, deepseek4, train, optim, data, tokenizer, eval, sample, cpu, launch);
        faults.throwIfAny();
    }

    /// Where the run is kept.
    public record Run(
            @Setting(value = "folder that holds runs", standard = "runs", free = true) String dir,
            @Setting(value = "name of this run's folder; empty: preset and time", standard = "", free = true) String name) {}

    /// Family and sizes of the model; what one family alone has is in a section of its name, or left out of configs of the others.
    public record Model(
            @Setting(value = "model family", standard = "llama") Family family,
            @Setting(value = "size of a hidden state", standard = "256") int hiddenSize,
            @Setting(value = "layers", standard = "4") int numLayers,
            @Setting(value = "attention heads of a layer", standard = "4") int numHeads,
            @Setting(value = "key and value heads of a layer; 0: as many as num_heads", standard = "0", family = Family.LLAMA) int numKvHeads,
            @Setting(value = "size of a head; 0: hidden_size / num_heads", standard = "0") int headDim,
            @Setting(value = "inner size of the SwiGLU feed-forward", standard = "704", family = Family.LLAMA) int intermediateSize,
            @Setting(value = "whether the output head is the embedding", standard = "true", family = Family.LLAMA) boolean tieWordEmbeddings,
            @Setting(value = "base of the rotary frequencies", standard = "10000") double ropeTheta,
            @Setting(value = "epsilon of the RMS norms", standard = "1e-5") double rmsNormEps,
            @Setting(value = "tokens known to the model; 0: as many as the tokenizer has", standard = "0") int vocabSize,
            @Setting(value = "longest sequence, in tokens", standard = "512") int contextLength,
            @Setting(value = "whether queries and keys are normed by head, as in Qwen3", standard = "false", family = Family.LLAMA) boolean qkNorm,
            @Setting(value = "standard deviation of the first weights", standard = "0.02") double initStd) {
        /// Key and value heads, worked out where the config leaves them open.
        public int kvHeads() {
            return numKvHeads == 0 ? numHeads : numKvHeads;
        }

        /// Size of a head, worked out where the config leaves it open.
        public int sizeOfHead() {
            return headDim == 0 ? hiddenSize / Math.max(1, numHeads) : headDim;
        }
    }

    /// A family of models.
    public enum Family { LLAMA, DEEPSEEK4 }

    /// The steps, how each is divided, and what happens between them.
    public record Train(
            @Setting(value = "steps of the whole run; the schedule ends here", standard = "550") long steps,
            @Setting(value = "stop, as Ctrl+C would, after this step; 0: never", standard = "0", free = true) long stopAfter,
            @Setting(value = "seed of weights and of the order of the data", standard = "1") long seed,
            @Setting(value = "tokens of a sequence", standard = "256") int sequenceLength,
            @Setting(value = "lengths by stages, as in [64@0, 256@200]; empty: none", standard = "[]") List<Stage> sequenceSchedule,
            @Setting(value = "sequences of a step", standard = "8") int batchSequences,
            @Setting(value = "sequences of a step by stages; empty: none", standard = "[]") List<Stage> batchSchedule,
            @Setting(value = "sequences of a leaf of work; decides how gradients are summed", standard = "4") int gradientLeafSequences,
            @Setting(value = "leaves computed in one pass; more memory, same bits", standard = "1", free = true) int microBatchLeaves,
            @Setting(value = "steps between looks at held-out text; 0: only at the end", standard = "50", free = true) long evalEvery,
            @Setting(value = "steps between samples; 0: only at the end", standard = "100", free = true) long sampleEvery,
            @Setting(value = "steps between checkpoints; 0: only at the end", standard = "100", free = true) long checkpointEvery,
            @Setting(value = "newest checkpoints kept", standard = "2", free = true) int keepCheckpoints,
            @Setting(value = "steps measured operator by operator, after the first; 0: none", standard = "0", free = true) int profileSteps) {
        public Train {
            sequenceSchedule = List.copyOf(sequenceSchedule);
            batchSchedule = List.copyOf(batchSchedule);
        }
    }

    /// The optimizer and its learning rate.
    public record Optim(
            @Setting(value = "adamw, or muon for the hidden matrices and adamw for the rest", standard = "muon") Optimizer name,
            @Setting(value = "highest learning rate", standard = "1.5e-2") double learningRate,
            @Setting(value = "last learning rate, as a part of the highest", standard = "0.1") double minLearningRateRatio,
            @Setting(value = "cosine, wsd (level, then down in a line) or constant", standard = "cosine") Shape schedule,
            @Setting(value = "steps over which the rate rises from 0", standard = "20") long warmupSteps,
            @Setting(value = "part of the steps over which wsd goes down", standard = "0.2") double decayFraction,
            @Setting(value = "AdamW: decay of the first moment", standard = "0.9") double beta1,
            @Setting(value = "AdamW: decay of the second moment", standard = "0.95") double beta2,
            @Setting(value = "AdamW: added to the root of the second moment", standard = "1e-8") double epsilon,
            @Setting(value = "decoupled decay of matrices, multiplied by the rate", standard = "0.1") double weightDecay,
            @Setting(value = "whether embeddings decay too; rows not seen shrink to nothing", standard = "true") boolean decayEmbeddings,
            @Setting(value = "norm above which gradients are scaled down; 0: never", standard = "1") double clipNorm,
            @Setting(value = "Muon: decay of the momentum", standard = "0.95") double muonMomentum,
            @Setting(value = "Muon: root-mean-square size of an update, before the rate", standard = "0.2") double muonGamma) {
        /// Who changes the weights.
        public enum Optimizer { ADAMW, MUON }

        /// The learning rate over the run.
        public enum Shape { COSINE, WSD, CONSTANT }
    }

    /// The text that is trained on.
    public record Data(
            @Setting(value = "files and folders of text; empty: the JDK's Java sources", standard = "[]") List<String> paths,
            @Setting(value = "patterns of names taken from folders and zips; empty: all text", standard = "[]") List<String> include,
            @Setting(value = "field or column with the text, in jsonl and parquet", standard = "text") String textField,
            @Setting(value = "bytes of text taken at most; 0: all", standard = "0") long maxBytes,
            @Setting(value = "part of the documents held out, chosen by their hash", standard = "0.02") double validationFraction,
            @Setting(value = "whether a token sees only its own document", standard = "true") boolean documentMask,
            @Setting(value = "folder that keeps tokenized text; empty: in run.dir", standard = "", free = true) String cacheDir) {
        public Data {
            paths = List.copyOf(paths);
            include = List.copyOf(include);
        }
    }

    /// From text to tokens.
    public record Tokenizer(
            @Setting(value = "a tokenizer.json to use; empty: train one on the data", standard = "") String path,
            @Setting(value = "tokens of a trained tokenizer", standard = "4096") int vocabSize,
            @Setting(value = "bytes of text that a tokenizer is trained on", standard = "4000000") long sampleBytes) {}

    /// Looks at held-out text.
    public record Eval(
            @Setting(value = "held-out sequences at each look during training", standard = "16", free = true) int sequences,
            @Setting(value = "held-out sequences at the end; 0: all", standard = "128", free = true) int finalSequences) {}

    /// Text written by the model during training.
    public record Sample(
            @Setting(value = "beginnings that the model goes on writing", standard = "[\"public class\", \"    /**\\n     * Returns\"]", free = true) List<String> prompts,
            @Setting(value = "tokens of a sample", standard = "160", free = true) int maxTokens,
            @Setting(value = "temperature; 0: always the likeliest token", standard = "0.7", free = true) double temperature,
            @Setting(value = "keep the likeliest tokens that make up this probability", standard = "0.95", free = true) double topP,
            @Setting(value = "seed of the samples", standard = "1", free = true) long seed) {
        public Sample {
            prompts = List.copyOf(prompts);
        }
    }

    /// Where the arithmetic runs; changes no bit.
    public record Cpu(
            @Setting(value = "threads; 0: one for each processor", standard = "0", free = true) int threads,
            @Setting(value = "backend: auto, cpu or reference", standard = "auto", free = true) String backend) {}

    /// Notes everything that is impossible; each fault begins with its key.
    static void check(Faults faults, Model model, DeepSeekV4Settings deepseek4, Train train, Optim optim, Data data, Tokenizer tokenizer, Eval eval, Sample sample, Cpu cpu, LaunchSettings launch) {
        launch.check(faults, deepseek4, model);
        faults.that(train.profileSteps <= 0 || !launch.isOverWorkers(), "train.profile_steps is %d with launch.workers=%d, wanted 0: only a run in one process is measured", train.profileSteps, launch.workers());
        checkModel(faults, model);
        switch (model.family) {
            case LLAMA -> checkLlama(faults, model);
            case DEEPSEEK4 -> deepseek4.check(faults, model);
        }
        checkTrain(faults, train, model);
        checkOptim(faults, optim);
        faults.that(data.maxBytes >= 0, "data.max_bytes is %d, wanted 0 (all) or more", data.maxBytes)
                .that(data.validationFraction >= 0 && data.validationFraction <= 0.5, "data.validation_fraction is %s, wanted 0 to 0.5", data.validationFraction)
                .that(tokenizer.vocabSize >= 260 && tokenizer.vocabSize <= 1 << 20, "tokenizer.vocab_size is %d, wanted 260 (all bytes and the special tokens) to 1048576", tokenizer.vocabSize)
                .that(tokenizer.sampleBytes > 0, "tokenizer.sample_bytes is %d, wanted a positive number", tokenizer.sampleBytes)
                .that(eval.sequences > 0, "eval.sequences is %d, wanted a positive number", eval.sequences)
                .that(eval.finalSequences >= 0, "eval.final_sequences is %d, wanted 0 (all) or more", eval.finalSequences)
                .that(sample.maxTokens > 0, "sample.max_tokens is %d, wanted a positive number", sample.maxTokens)
                .that(sample.temperature >= 0 && sample.temperature <= 100, "sample.temperature is %s, wanted 0 to 100", sample.temperature)
                .that(sample.topP > 0 && sample.topP <= 1, "sample.top_p is %s, wanted more than 0 and at most 1", sample.topP)
                .that(cpu.threads >= 0 && cpu.threads <= 1024, "cpu.threads is %d, wanted 0 (one for each processor) to 1024", cpu.threads);
    }

    private static void checkModel(Faults faults, Model model) {
        faults.positive("model.hidden_size", model.hiddenSize)
                .positive("model.num_layers", model.numLayers)
                .positive("model.num_heads", model.numHeads)
                .that(model.headDim >= 0 && model.headDim % 2 == 0, "model.head_dim is %d, wanted 0 (hidden_size / num_heads) or an even number", model.headDim)
                .that(model.headDim != 0 || model.numHeads < 1 || model.hiddenSize < 1 || model.hiddenSize % (2 * model.numHeads) == 0,
                        "model.hidden_size is %d, wanted an even multiple of model.num_heads (%d), or a model.head_dim", model.hiddenSize, model.numHeads)
                .positive("model.rope_theta", model.ropeTheta)
                .positive("model.rms_norm_eps", model.rmsNormEps)
                .that(model.vocabSize >= 0, "model.vocab_size is %d, wanted 0 (as many as the tokenizer has) or more", model.vocabSize)
                .positive("model.context_length", model.contextLength)
                .positive("model.init_std", model.initStd);
    }

    private static void checkLlama(Faults faults, Model model) {
        faults.that(model.numKvHeads >= 0, "model.num_kv_heads is %d, wanted 0 (as many as num_heads) or more", model.numKvHeads)
                .that(model.numHeads < 1 || model.numKvHeads < 1 || model.numHeads % model.numKvHeads == 0,
                        "model.num_kv_heads is %d, wanted a divisor of model.num_heads (%d)", model.numKvHeads, model.numHeads)
                .positive("model.intermediate_size", model.intermediateSize);
    }

    private static void checkTrain(Faults faults, Train train, Model model) {
        faults.positive("train.steps", train.steps)
                .that(train.stopAfter >= 0, "train.stop_after is %d, wanted 0 (never) or a step", train.stopAfter)
                .positive("train.sequence_length", train.sequenceLength)
                .that(model.contextLength < 1 || train.sequenceLength <= model.contextLength,
                        "train.sequence_length is %d, wanted at most model.context_length (%d)", train.sequenceLength, model.contextLength)
                .positive("train.batch_sequences", train.batchSequences)
                .positive("train.gradient_leaf_sequences", train.gradientLeafSequences)
                .that(train.gradientLeafSequences < 1 || train.batchSequences % train.gradientLeafSequences == 0,
                        "train.gradient_leaf_sequences is %d, wanted a divisor of train.batch_sequences (%d)", train.gradientLeafSequences, train.batchSequences)
                .positive("train.micro_batch_leaves", train.microBatchLeaves)
                .that(Stage.areInOrder(train.sequenceSchedule), "train.sequence_schedule is %s, wanted a first stage @0 and later ones in order", train.sequenceSchedule)
                .that(train.sequenceSchedule.stream().allMatch(stage -> stage.size() > 0 && stage.size() <= Math.max(1, train.sequenceLength)),
                        "train.sequence_schedule is %s, wanted lengths from 1 to train.sequence_length (%d)", train.sequenceSchedule, train.sequenceLength)
                .that(Stage.areInOrder(train.batchSchedule), "train.batch_schedule is %s, wanted a first stage @0 and later ones in order", train.batchSchedule)
                .that(train.gradientLeafSequences < 1 || train.batchSchedule.stream().allMatch(stage -> stage.size() > 0 && stage.size() % train.gradientLeafSequences == 0),
                        "train.batch_schedule is %s, wanted positive multiples of train.gradient_leaf_sequences (%d)", train.batchSchedule, train.gradientLeafSequences)
                .that(train.evalEvery >= 0, "train.eval_every is %d, wanted 0 (only at the end) or more", train.evalEvery)
                .that(train.sampleEvery >= 0, "train.sample_every is %d, wanted 0 (only at the end) or more", train.sampleEvery)
                .that(train.checkpointEvery >= 0, "train.checkpoint_every is %d, wanted 0 (only at the end) or more", train.checkpointEvery)
                .positive("train.keep_checkpoints", train.keepCheckpoints)
                .that(train.profileSteps >= 0, "train.profile_steps is %d, wanted 0 (none) or more", train.profileSteps);
    }

    private static void checkOptim(Faults faults, Optim optim) {
        faults.positive("optim.learning_rate", optim.learningRate)
                .that(optim.minLearningRateRatio >= 0 && optim.minLearningRateRatio <= 1, "optim.min_learning_rate_ratio is %s, wanted 0 to 1", optim.minLearningRateRatio)
                .that(optim.warmupSteps >= 0, "optim.warmup_steps is %d, wanted 0 or more", optim.warmupSteps)
                .that(optim.decayFraction >= 0 && optim.decayFraction <= 1, "optim.decay_fraction is %s, wanted 0 to 1", optim.decayFraction)
                .that(optim.beta1 >= 0 && optim.beta1 < 1, "optim.beta1 is %s, wanted at least 0 and less than 1", optim.beta1)
                .that(optim.beta2 >= 0 && optim.beta2 < 1, "optim.beta2 is %s, wanted at least 0 and less than 1", optim.beta2)
                .positive("optim.epsilon", optim.epsilon)
                .that(optim.weightDecay >= 0, "optim.weight_decay is %s, wanted 0 or more", optim.weightDecay)
                .that(optim.clipNorm >= 0, "optim.clip_norm is %s, wanted 0 (never) or more", optim.clipNorm)
                .that(optim.muonMomentum >= 0 && optim.muonMomentum < 1, "optim.muon_momentum is %s, wanted at least 0 and less than 1", optim.muonMomentum)
                .positive("optim.muon_gamma", optim.muonGamma);
    }
}
