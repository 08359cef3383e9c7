package dev.xiaolu.cli;

import dev.xiaolu.prompt.Thinking;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Option;

/// How much a model is to reason before it answers.
final class ThinkingOption {
    @Option(names = "--thinking", paramLabel = "LEVEL", description = "How much a DeepSeek-V4 model reasons first: off, high or max; off unless given. max needs the model's encoding/encoding_dsv4.py.")
    private String level;

    /// Whether the option was given.
    boolean given() {
        return level != null;
    }

    Thinking level() {
        Optional<Thinking> found = Arrays.stream(Thinking.values()).filter(each -> each.name().toLowerCase(Locale.ROOT).equals(given() ? level : "off")).findFirst();
        return found.orElseThrow(() -> WrongUsage.of("--thinking is '%s', wanted off, high or max", level));
    }
}
