package dev.xiaolu.cli;

import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.BackendProvider;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import picocli.CommandLine.Option;

/// Options that say where arithmetic runs; they change time, never a bit.
final class Placement {
    @Option(names = "--threads", paramLabel = "N", description = "Threads; 0, the default, is one for each processor.")
    private int threads;

    @Option(names = "--backend", paramLabel = "NAME", defaultValue = "auto", description = "Backend: auto (the default), cpu or reference.")
    private String backend;

    /// Runs `work` with a memory that lives as long as it does, inside a [Compute] of the backend chosen.
    <T> T run(Function<Arena, T> work) {
        try (Backend opened = open(); Scratch scratch = new Scratch(); Arena arena = Arena.ofShared()) {
            return Compute.call(opened, scratch, () -> work.apply(arena));
        }
    }

    /// How many threads may work.
    int threads() {
        return threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
    }

    /// Opens the backend chosen.
    Backend open() {
        if (threads < 0) {
            throw WrongUsage.of("--threads is %d, wanted 0 (one for each processor) or more", threads);
        }
        List<String> names = Stream.concat(Stream.of("auto"), Backends.all().stream().map(BackendProvider::name)).toList();
        if (!names.contains(backend)) {
            throw WrongUsage.of("--backend is '%s', wanted one of %s", backend, String.join(", ", names));
        }
        return Backends.open(backend, threads);
    }
}
