package dev.xiaolu.cli;

import dev.xiaolu.bench.ContextBench;
import dev.xiaolu.bench.ContextReport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// What one token costs as the context grows.
@Command(name = "context", header = {"Decoding of a small DeepSeek-V4 at growing positions of one context, beside dense attention of the same width.", ""},
        footer = {"", "Up to 1 Mi it takes some minutes and 6 GiB of memory, most of it for dense attention.", "", "Example:  ./xiaolu bench context --longest 64Ki"})
final class ContextBenchCommand extends Action {
    private static final Pattern SIZE = Pattern.compile("(\\d{1,7})(|Ki|Mi)");

    @Option(names = "--backend", paramLabel = "NAME", defaultValue = "auto", description = "Backend: auto (the default), cpu or reference.")
    private String backend;

    @Option(names = "--threads", paramLabel = "N", defaultValue = "2", description = "Threads; 2 unless given.")
    private int threads;

    @Option(names = "--longest", paramLabel = "TOKENS", defaultValue = "1Mi", description = "Last position: 4Ki, 64Ki and 1Mi are measured as far as they lie before it, and it itself; 1Mi unless given.")
    private String longest;

    @Option(names = "--tokens", paramLabel = "N", defaultValue = "25", description = "Tokens measured at each position; 25 unless given.")
    private int tokens;

    @Option(names = "--json", description = "Prints one JSON object.")
    private boolean json;

    ContextBenchCommand(Console console) {
        super(console);
    }

    @Override public Integer call() {
        var options = usage(() -> new ContextBench.Options(backend, threads, size(longest), tokens));
        ContextReport report = ContextBench.run(options, err()::println);
        BenchCommand.print(out(), json, report.json(), report.setting(), report.table());
        return DONE;
    }

    /// A number of tokens as people write it, for example `64Ki`.
    private static int size(String text) {
        Matcher matcher = SIZE.matcher(text);
        if (!matcher.matches()) {
            throw WrongUsage.of("--longest is '%s', wanted a number of tokens such as 4096, 64Ki or 1Mi", text);
        }
        long size = Long.parseLong(matcher.group(1)) << (matcher.group(2).isEmpty() ? 0 : matcher.group(2).equals("Ki") ? 10 : 20);
        return (int) Math.min(size, Integer.MAX_VALUE);
    }
}
