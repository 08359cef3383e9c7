package dev.xiaolu.cli;

import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/// Where a command reads and writes: the process's own streams, or those of a test. Text is UTF-8.
///
/// @param in  what is typed or piped in
/// @param out what the command is asked for
/// @param err what it has to say besides: faults and warnings
public record Console(InputStream in, PrintStream out, PrintStream err) {
    /// The streams of the process.
    static Console ofProcess() {
        return new Console(System.in, new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), false, StandardCharsets.UTF_8),
                new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.err), true, StandardCharsets.UTF_8));
    }
}
