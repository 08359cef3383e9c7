package dev.xiaolu.cli;

import dev.xiaolu.data.Corpus;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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
        return Corpus.open(new Corpus.Config(paths, include, textField, maxBytes));
    }
}
