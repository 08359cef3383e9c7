package dev.xiaolu.train;

import dev.xiaolu.data.Corpus;
import dev.xiaolu.data.CorpusBuilder;
import dev.xiaolu.data.DefaultCorpus;
import dev.xiaolu.data.Encoding;
import dev.xiaolu.data.PreparedCorpus;
import dev.xiaolu.data.TokenDataset;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.store.Checkpoint;
import dev.xiaolu.tokenizer.Tokenizer;
import dev.xiaolu.tokenizer.TokenizerTrainer;
import java.nio.file.Path;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// Gets a run's text ready: finds it, trains or loads a tokenizer, turns text into tokens; or takes what is ready from an earlier time.
///
/// Owns the mapped tokens until [#close].
public final class Preparation implements AutoCloseable {
    private static final List<String> FILES = List.of("tokenizer.json", "tokenizer_config.json");

    private final RunConfig config;
    private final Path cache;
    private final Screen screen;
    private final Disk disk = Disk.real();
    private final Corpus corpus;
    private final StepPlans plans;
    private TokenDataset training;
    private TokenDataset validation;

    /// Finds the text of a run in `folder`; refuses text that is missing. Nothing is written yet.
    public Preparation(RunConfig config, Path folder, Screen screen) {
        this.config = config;
        this.screen = screen;
        String given = config.data().cacheDir();
        cache = given.isEmpty() ? folder.toAbsolutePath().getParent().resolve(".cache") : HomePath.of(given);
        corpus = corpus();
        plans = StepPlans.of(config.train());
    }

    /// The data; with a checkpoint, on the tokenizer that it carries.
    public RunData data(Optional<Checkpoint> from) {
        Map<String, byte[]> files = from.map(this::tokenizerOf).orElseGet(() -> tokenizer());
        Tokenizer tokenizer = Tokenizer.of("tokenizer.json", files.get(FILES.getFirst()), Optional.ofNullable(files.get(FILES.getLast())));
        int threads = config.cpu().threads() == 0 ? Runtime.getRuntime().availableProcessors() : config.cpu().threads();
        PreparedCorpus prepared = new CorpusBuilder(config.data().validationFraction(), threads).prepare(disk, cache, corpus, new ByTokenizer(tokenizer, files.get(FILES.getFirst())), _ -> {});
        from.ifPresent(checkpoint -> sameText(checkpoint, prepared));
        int length = config.train().sequenceLength();
        training = prepared.train().atLeastOne(length);
        validation = prepared.validation();
        return new RunData(this::sequence, new HeldOutSequences(validation, length, config.data().documentMask()), validation.documents(), tokenizer, files, training.tokens(),
                corpus.description(), prepared.contentDigest());
    }

    /// A run goes on only with the tokens it began with.
    private static void sameText(Checkpoint checkpoint, PreparedCorpus prepared) {
        String wanted = checkpoint.manifest().extra().path(Trainer.CORPUS_DIGEST).asString("");
        if (!wanted.equals(prepared.contentDigest())) {
            throw InputException.of("checkpoint %s: the run began with other text: its tokens had digest %s…, those of %s have %s…; put the files of data.paths back as they were", checkpoint.label(),
                    wanted.substring(0, Math.min(12, wanted.length())), prepared.source(), prepared.contentDigest().substring(0, 12));
        }
    }

    private Corpus corpus() {
        RunConfig.Data data = config.data();
        if (!data.paths().isEmpty()) {
            return Corpus.open(new Corpus.Config(data.paths().stream().map(HomePath::of).toList(), data.include(), data.textField(), data.maxBytes()));
        }
        DefaultCorpus standard = DefaultCorpus.find(data.maxBytes());
        if (!standard.notice().isEmpty()) {
            screen.out().println(standard.notice());
        }
        Corpus.Config found = standard.config();
        return Corpus.open(data.include().isEmpty() ? found : new Corpus.Config(found.paths(), data.include(), found.textField(), found.maxBytes()));
    }

    private Map<String, byte[]> tokenizerOf(Checkpoint checkpoint) {
        var files = new TreeMap<String, byte[]>();
        for (String name : FILES) {
            if (checkpoint.manifest().files().containsKey(name)) {
                files.put(name, checkpoint.file(name));
            }
        }
        if (!files.containsKey(FILES.getFirst())) {
            throw InputException.of("checkpoint %s: wanted the run's %s in it, found none", checkpoint.label(), FILES.getFirst());
        }
        return files;
    }

    private Map<String, byte[]> tokenizer() {
        RunConfig.Tokenizer settings = config.tokenizer();
        if (!settings.path().isEmpty()) {
            Path path = HomePath.of(settings.path());
            return read(disk.isDirectory(path) ? path : path.toAbsolutePath().getParent());
        }
        Corpus sample = Corpus.open(corpus.config().capped(corpus.config().maxBytes() == 0 ? settings.sampleBytes() : Math.min(corpus.config().maxBytes(), settings.sampleBytes())));
        Path folder = cache.resolve("tokenizer-%s-%d".formatted(sample.fingerprint().substring(0, 16), settings.vocabSize()));
        if (!disk.exists(folder.resolve(FILES.getFirst()))) {
            screen.out().println("training a tokenizer of %d tokens on %s".formatted(settings.vocabSize(), sample.description()));
            var documents = new ArrayList<byte[]>();
            sample.read(document -> documents.add(document.text()));
            TokenizerTrainer.of(settings.vocabSize()).train(documents).save(disk, folder);
        }
        return read(folder);
    }

    private Map<String, byte[]> read(Path folder) {
        var files = new TreeMap<String, byte[]>();
        for (String name : FILES) {
            if (disk.exists(folder.resolve(name))) {
                files.put(name, disk.read(folder.resolve(name)));
            }
        }
        if (!files.containsKey(FILES.getFirst())) {
            throw InputException.of("tokenizer.path: wanted %s in %s, found none", FILES.getFirst(), folder);
        }
        return files;
    }

    private SequenceSource.Sequence sequence(long step, int index, int length) {
        return masked(training.at(config.train().seed(), plans.firstSequence(step) + index, length), config.data().documentMask());
    }

    private static SequenceSource.Sequence masked(TokenDataset.Sequence sequence, boolean documentMask) {
        return new SequenceSource.Sequence(sequence.tokens(), documentMask ? sequence.first() : new int[sequence.first().length]);
    }

    @Override public void close() {
        if (training != null) {
            training.close();
        }
        if (validation != null) {
            validation.close();
        }
    }

    /// Held-out sequences in the order of the files, read when asked for.
    private static final class HeldOutSequences extends AbstractList<SequenceSource.Sequence> {
        private final TokenDataset dataset;
        private final int length;
        private final boolean documentMask;

        HeldOutSequences(TokenDataset dataset, int length, boolean documentMask) {
            this.dataset = dataset;
            this.length = length;
            this.documentMask = documentMask;
        }

        @Override public SequenceSource.Sequence get(int index) {
            return masked(dataset.sequence(index, length), documentMask);
        }

        @Override public int size() {
            return dataset.tokens() == 0 ? 0 : (int) Math.min(Integer.MAX_VALUE, dataset.sequences(length));
        }
    }

    /// What preparing a corpus needs of a tokenizer.
    private record ByTokenizer(Tokenizer tokenizer, byte[] file) implements Encoding {
        @Override public int[] encode(byte[] utf8) {
            return tokenizer.encode(utf8, false);
        }

        @Override public int endOfText() {
            return tokenizer.eos().orElseThrow(() -> InputException.of("tokenizer: wanted an eos_token in tokenizer_config.json to end documents with, found none"));
        }

        @Override public int vocabSize() {
            return tokenizer.vocabSize();
        }

        @Override public String digest() {
            return dev.xiaolu.store.Sha256.hex(file);
        }
    }
}
