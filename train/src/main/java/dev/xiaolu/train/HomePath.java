package dev.xiaolu.train;

import java.nio.file.Path;
import java.util.Optional;

/// Paths as people write them in configs: `~` at the beginning is the home folder, which most shells leave to the program inside `key=value`.
public final class HomePath {
    private HomePath() {}

    /// The path that is meant.
    public static Path of(String written) {
        boolean home = written.equals("~") || written.startsWith("~/");
        return home ? home().resolve(written.substring(Math.min(2, written.length()))) : Path.of(written);
    }

    /// `HOME` as shells take it, else what the system's list of users says.
    private static Path home() {
        return Path.of(Optional.ofNullable(System.getenv("HOME")).filter(home -> !home.isEmpty()).orElseGet(() -> System.getProperty("user.home")));
    }
}
