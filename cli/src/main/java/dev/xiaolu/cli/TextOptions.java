package dev.xiaolu.cli;

import dev.xiaolu.data.Corpus;
import dev.xiaolu.data.Document;
import dev.xiaolu.platform.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import picocli.CommandLine.Option;

/// Options that say which text is read.
final class TextOptions {
    @Option(names = "--data", paramLabel = "PATH", required = true, split = ",", description = "Files and folders with text: source, txt, zip, jsonl (also .gz, .zst), parquet.")
    private List<Path> paths = new ArrayList<>();

    @Option(names = "--include", paramLabel = "GLOB", split = ",", description = "Names of files taken from folders and archives, for example '**.java'.")
    private List<String> include = new ArrayList<>();

    @Option(names = "--text-field", paramLabel = "NAME", defaultValue = "text", description = "Field or column with the text, in jsonl and parquet; 'text' unless given.")
    private String textField;

    @Option(names = "--max-bytes", paramLabel = "N", defaultValue = "0", description = "Bytes of text taken at most; 0, the default, takes all.")
    private long maxBytes;

    /// Opens the text.
    Corpus corpus() {
        if (maxBytes < 0) {
            throw WrongUsage.of("--max-bytes is %d, wanted 0 (all) or more", maxBytes);
        }
        return named(() -> Corpus.open(new Corpus.Config(paths, include, textField, maxBytes)));
    }

    /// Hands over the documents of an opened text.
    static Corpus.Totals read(Corpus corpus, Consumer<Document> sink) {
        return named(() -> corpus.read(sink));
    }

    /// A corpus tells its faults by the keys of a run's config; here people wrote options.
    private static <T> T named(Supplier<T> work) {
        try {
            return work.get();
        } catch (InputException faulty) {
            throw new InputException(faulty.getMessage().replace("data.paths", "--data").replace("data.include", "--include").replace("data.text_field", "--text-field"), faulty);
        }
    }
}
