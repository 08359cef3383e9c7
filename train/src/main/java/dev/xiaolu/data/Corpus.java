package dev.xiaolu.data;

import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.platform.Faults;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.store.Sha256;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.IntPredicate;

/// The documents that a run learns from: which files, which of their documents, in which order. All of it follows from names, sizes and contents, never from
/// the order in which a file system lists its folders.
///
/// A path is a folder (searched through, hidden files and folders left out, links to folders not followed), a zip archive, a `.jsonl` file (also `.gz`, `.zst`), a `.parquet` file, or a text.
/// Paths come in the order given, the files of a folder sorted by name, the documents of a file in its own order.
public final class Corpus {
    private static final Set<String> BINARY = Set.of("7z", "a", "avi", "bin", "bmp", "bz2", "class", "dat", "db", "dll", "dylib", "exe", "gif", "gz", "ico", "jar", "jks", "jpeg", "jpg", "jmod",
        "mp3", "mp4", "npy", "npz", "o", "onnx", "otf", "p12", "pdf", "png", "pt", "pyc", "safetensors", "so", "sqlite", "tar", "tgz", "tiff", "ttf", "wav", "webp", "woff", "woff2", "xz", "zst");

    private final Config config;
    private final List<Source> sources;

    private Corpus(Config config, List<Source> sources) {
        this.config = config;
        this.sources = sources;
    }

    /// What is taken.
    ///
    /// @param paths files and folders
    /// @param include patterns that names in folders and archives must match (see [Globs]); none take everything that is text
    /// @param textField the field of jsonl, or the column of Parquet, that holds the text
    /// @param maxBytes bytes of text taken at most, chosen by the hashes of the documents' names; 0 for all
    public record Config(List<Path> paths, List<String> include, String textField, long maxBytes) {
        public Config {
            paths = List.copyOf(paths);
            include = List.copyOf(include);
            checkInput(maxBytes >= 0, "data.max_bytes is %d, wanted 0 (all) or more", maxBytes);
        }

        /// The same, but at most `maxBytes` of text.
        public Config capped(long maxBytes) {
            return new Config(paths, include, textField, maxBytes);
        }
    }

    /// How much a reading gave.
    ///
    /// @param documents documents handed over
    /// @param bytes their bytes
    /// @param notText files left out because they are no UTF-8 text; only where no pattern asked for them
    public record Totals(long documents, long bytes, long notText) {}

    /// Finds the files; refuses missing paths, all in one message, and a corpus without any file.
    public static Corpus open(Config config) {
        var faults = new Faults("data.paths");
        faults.that(!config.paths.isEmpty(), "names nothing, wanted files and folders");
        config.paths.forEach(path -> faults.that(Files.exists(path), "%s does not exist", path));
        faults.throwIfAny();
        var include = new Globs(config.include);
        var sources = new ArrayList<Source>();
        for (Path path : config.paths) {
            if (Files.isDirectory(path)) {
                for (Path file : filesBelow(path)) {
                    String name = path.relativize(file).toString().replace('\\', '/');
                    boolean archive = name.toLowerCase(Locale.ROOT).endsWith(".zip");
                    if (archive || include.take(name) && (!isBinary(name) || isLines(name))) {
                        sources.add(source(config, file, name, name + "/", include));
                    }
                }
            } else {
                sources.add(source(config, path, path.getFileName().toString(), "", include));
            }
        }
        checkInput(!sources.isEmpty(), "data.paths: no files in %s%s", config.paths, config.include.isEmpty() ? "" : " match data.include " + config.include);
        return new Corpus(config, List.copyOf(sources));
    }

    private static Source source(Config config, Path file, String name, String prefix, Globs include) {
        String lower = name.toLowerCase(Locale.ROOT);
        if (lower.endsWith(".zip")) {
            return new ZipSource(file, name, prefix, include);
        }
        if (isLines(lower)) {
            return new JsonLinesSource(file, name, config.textField);
        }
        return lower.endsWith(".parquet") ? new ParquetSource(file, name, config.textField) : new TextSource(file, name);
    }

    private static boolean isLines(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        return lower.endsWith(".jsonl") || lower.endsWith(".jsonl.gz") || lower.endsWith(".jsonl.zst");
    }

    /// Whether a name's ending says that there is no text inside.
    static boolean isBinary(String name) {
        int dot = name.lastIndexOf('.');
        return dot >= 0 && BINARY.contains(name.substring(dot + 1).toLowerCase(Locale.ROOT));
    }

    private static List<Path> filesBelow(Path folder) {
        var files = new ArrayList<Path>();
        try {
            Files.walkFileTree(folder, new SimpleFileVisitor<>() {
                @Override public FileVisitResult preVisitDirectory(Path inner, BasicFileAttributes attributes) {
                    return !inner.equals(folder) && inner.getFileName().toString().startsWith(".") ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
                }

                @Override public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                    if (!file.getFileName().toString().startsWith(".") && Files.isRegularFile(file)) {
                        files.add(file);
                    }
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException failure) {
            throw new InputException("data.paths: cannot look through %s: %s".formatted(folder, failure.getMessage()), failure);
        }
        files.sort(Comparator.comparing(file -> folder.relativize(file).toString().replace('\\', '/')));
        return files;
    }

    /// What the corpus depends on, in one hash: paths, sizes and times of change of its files, and the config. Reads no file.
    public String fingerprint() {
        var text = new StringBuilder("%s\n%s\n%d\n".formatted(config.include, config.textField, config.maxBytes));
        try {
            for (Source source : sources) {
                text.append("%s\t%s\t%d\t%d\n".formatted(source.file().toAbsolutePath(), source.name(), Files.size(source.file()), Files.getLastModifiedTime(source.file()).toMillis()));
            }
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
        return Sha256.hex(text.toString().getBytes(StandardCharsets.UTF_8));
    }

    /// One line for people, for example `/usr/lib/jvm/25/lib/src.zip [java.base/**.java], at most 24.0 MB`.
    public String description() {
        String paths = String.join(", ", config.paths.stream().map(Path::toString).toList());
        String include = config.include.isEmpty() ? "" : " " + config.include;
        return paths + include + (config.maxBytes == 0 ? "" : String.format(Locale.ROOT, ", at most %.1f MB", config.maxBytes / 1e6));
    }

    /// The config that this corpus was opened with.
    public Config config() {
        return config;
    }

    /// Hands over the documents, in order, each once; empty ones are left out. The same files give the same documents.
    public Totals read(Consumer<Document> sink) {
        var reading = new Reading(sink);
        List<BitSet> chosen = config.maxBytes == 0 ? null : choose();
        for (int i = 0; i < sources.size(); i++) {
            Source source = sources.get(i);
            IntPredicate wanted = chosen == null ? _ -> true : chosen.get(i)::get;
            boolean mustBeText = !config.include.isEmpty() || !(source instanceof ZipSource) && config.paths.contains(source.file());
            try {
                source.read(wanted, document -> reading.take(document, mustBeText));
            } catch (IOException failure) {
                throw Source.broken(source.file(), "cannot be read", failure);
            }
        }
        checkInput(reading.documents > 0, "data.paths: no documents in %s; files looked at: %d, left out because they are no text: %d", description(), sources.size(), reading.notText);
        return new Totals(reading.documents, reading.bytes, reading.notText);
    }

    private record Candidate(long hash, int source, int place, long bytes) {}

    /// Under a cap: for each source the places of the documents that are taken. Documents are asked in the order of the hashes of their keys; each that still fits is taken.
    private List<BitSet> choose() {
        var candidates = new ArrayList<Candidate>();
        var chosen = new ArrayList<BitSet>();
        for (Source source : sources) {
            int index = chosen.size();
            int[] place = new int[1];
            chosen.add(new BitSet());
            try {
                source.list((key, bytes) -> candidates.add(new Candidate(hash(key), index, place[0]++, bytes)));
            } catch (IOException failure) {
                throw Source.broken(source.file(), "cannot be read", failure);
            }
        }
        candidates.sort(Comparator.comparingLong((Candidate c) -> c.hash + Long.MIN_VALUE).thenComparingInt(Candidate::source).thenComparingInt(Candidate::place));
        long room = config.maxBytes;
        for (Candidate candidate : candidates) {
            if (candidate.bytes <= room) {
                room -= candidate.bytes;
                chosen.get(candidate.source).set(candidate.place);
            }
        }
        return chosen;
    }

    private static long hash(String key) {
        return ByteBuffer.wrap(Sha256.start().digest(key.getBytes(StandardCharsets.UTF_8))).getLong();
    }

    private static final class Reading {
        private final Consumer<Document> sink;
        private long documents;
        private long bytes;
        private long notText;

        Reading(Consumer<Document> sink) {
            this.sink = sink;
        }

        void take(Document document, boolean strict) {
            int fault = Utf8.firstFault(document.text());
            if (fault >= 0) {
                checkInput(!strict, "%s: not UTF-8, byte %d is 0x%02X; convert the file, or leave it out by data.include", document.name(), fault, document.text()[fault]);
                notText++;
            } else if (document.text().length > 0) {
                documents++;
                bytes += document.text().length;
                sink.accept(document);
            }
        }
    }
}
