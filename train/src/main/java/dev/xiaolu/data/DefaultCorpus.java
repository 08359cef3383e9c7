package dev.xiaolu.data;

import dev.xiaolu.platform.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// The corpus that every machine has: the Java sources that ship with the JDK, else this project's own tree.
///
/// @param config where it is and what is taken of it
/// @param notice what to tell the user about the choice; empty when it is the usual one
public record DefaultCorpus(Corpus.Config config, String notice) {
    /// Finds it for the running JDK; `maxBytes` caps the text that is taken, 0 takes all. The project's tree is the one that the launcher stands in, from wherever it was called.
    public static DefaultCorpus find(long maxBytes) {
        return find(Path.of(System.getProperty("java.home")), Path.of(System.getProperty("xiaolu.home", "")).toAbsolutePath(), maxBytes);
    }

    static DefaultCorpus find(Path javaHome, Path start, long maxBytes) {
        Path sources = javaHome.resolve("lib").resolve("src.zip");
        if (Files.isRegularFile(sources)) {
            return new DefaultCorpus(new Corpus.Config(List.of(sources), List.of("java.base/**.java"), "text", maxBytes), "");
        }
        for (Path folder = start; folder != null; folder = folder.getParent()) {
            if (Files.isRegularFile(folder.resolve("pom.xml")) && Files.isDirectory(folder.resolve("core/src/main/java"))) {
                return new DefaultCorpus(new Corpus.Config(parts(folder), List.of("**.java", "**.md"), "text", maxBytes),
                    "%s is missing, so the run learns from this project's own tree in %s; for more text install a JDK with its sources or give data.paths".formatted(sources, folder));
            }
        }
        throw InputException.of("data.paths: empty, and %s is missing; install a JDK with its sources or give data.paths", sources);
    }

    /// The folders of a source tree that hold what people wrote: not what a build or a run left there.
    private static List<Path> parts(Path tree) {
        var parts = new ArrayList<Path>();
        try (var inside = Files.list(tree)) {
            inside.filter(Files::isDirectory).filter(folder -> !folder.getFileName().toString().startsWith(".")).sorted().forEach(folder -> {
                if (folder.getFileName().toString().equals("docs")) {
                    parts.add(folder);
                } else if (Files.isDirectory(folder.resolve("src"))) {
                    parts.add(folder.resolve("src"));
                }
            });
        } catch (IOException failure) {
            throw new InputException("data.paths: cannot look through %s: %s".formatted(tree, failure.getMessage()), failure);
        }
        return parts;
    }
}
