package dev.xiaolu.rank;

import dev.xiaolu.consensus.Replica;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Where the replicas of a launch's coordinator listen, in a file of the run's folder: for workers that others start when the launching process, which they were told of, is gone.
final class Whereabouts {
    private static final String FILE = "launch/replicas";

    private Whereabouts() {}

    /// Written by whoever leads. A disk that refuses is no matter: the next change is written again.
    static void write(Path folder, String runId, List<Replica> replicas) {
        try {
            Path fresh = folder.resolve("launch/.replicas.new");
            Files.writeString(fresh, Stream.concat(Stream.of(runId), replicas.stream().map(Liaison::line)).collect(Collectors.joining("\n", "", "\n")));
            Files.move(fresh, folder.resolve(FILE), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException _) {
            // whoever comes while the launching process lives needs none
        }
    }

    /// Those of this launch; none where nothing of it is written.
    static List<Replica> read(Path folder, String runId) {
        try {
            List<String> lines = Files.readAllLines(folder.resolve(FILE));
            return lines.isEmpty() || !lines.getFirst().equals(runId) ? List.of() : lines.stream().skip(1).map(Liaison::replica).toList();
        } catch (IOException none) {
            return List.of();
        }
    }
}
