package dev.xiaolu.cli;

import dev.xiaolu.op.Numerics;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine.IVersionProvider;

/// What this program is and what it runs on.
final class Version implements IVersionProvider {
    @Override public String[] getVersion() throws IOException {
        return new String[] {"xiaolu %s, arithmetic version %d, on %s".formatted(program(), Numerics.VERSION, jdk())};
    }

    /// The program's version.
    static String program() throws IOException {
        try (InputStream in = Version.class.getResourceAsStream("version.txt")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
        }
    }

    /// The JDK in words.
    static String jdk() {
        return "JDK %s, %s".formatted(Runtime.version(), System.getProperty("java.vendor"));
    }
}
