package dev.xiaolu.cli;

import dev.xiaolu.bench.BenchReport;
import dev.xiaolu.bench.DecodeBench;
import dev.xiaolu.bench.GemmBench;
import dev.xiaolu.bench.GemmShape;
import dev.xiaolu.bench.TrainBench;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// Speed beside that of others.
@Command(name = "bench", header = {"Measures speed, in turns with other people's libraries where there is a Python that has them.", ""}, synopsisSubcommandLabel = "gemm|train|decode|context|guard",
        subcommands = {BenchCommand.Gemm.class, BenchCommand.Train.class, BenchCommand.Decode.class, ContextBenchCommand.class, GuardBenchCommand.class},
        footer = {"", "Example:  ./xiaolu bench gemm --peer-python venv/bin/python"})
final class BenchCommand extends Action {
    @Spec
    private CommandSpec spec;

    BenchCommand(Console console) {
        super(console);
    }

    @Override public Integer call() {
        spec.commandLine().usage(err());
        return WRONG_USAGE;
    }

    /// Prints what a bench found: one JSON object, or its setting and its rows, headings first.
    static void print(PrintStream out, boolean json, String object, Map<String, String> setting, List<List<String>> rows) {
        if (json) {
            out.writeBytes((object + "\n").getBytes(StandardCharsets.UTF_8));
            return;
        }
        setting.forEach((what, value) -> out.printf("%s: %s%n", what, value));
        var table = new Table(rows.getFirst().toArray(String[]::new));
        rows.stream().skip(1).forEach(row -> table.row(row.toArray()));
        table.print(out, false);
    }

    /// What all benches share.
    abstract static class Bench extends Action {
        @Option(names = "--peer-python", paramLabel = "FILE", description = "A Python with torch and numpy to compare with; without one the measure is this machine's peak.")
        private Path python;

        @Option(names = "--backend", paramLabel = "NAME", defaultValue = "auto", description = "Backend: auto (the default), cpu or reference.")
        private String backend;

        @Option(names = "--rounds", paramLabel = "N", description = "Turns of each side.")
        private Integer rounds;

        @Option(names = "--json", description = "Prints one JSON object.")
        private boolean json;

        Bench(Console console) {
            super(console);
        }

        abstract BenchReport measure();

        @Override public Integer call() {
            if (rounds != null && rounds < 1) {
                throw WrongUsage.of("--rounds is %d, wanted at least 1", rounds);
            }
            BenchReport report = measure();
            print(out(), json, report.json(), report.setting(), report.table());
            return DONE;
        }

        final String backend() {
            return backend;
        }

        final Optional<Path> python() {
            return Optional.ofNullable(python);
        }

        final int rounds(int standard) {
            return rounds == null ? standard : rounds;
        }

        /// Says that a row is done, for benches that take long.
        final void progress(BenchReport.Row row) {
            if (!json && Tty.isTerminal(2)) {
                err().printf(java.util.Locale.ROOT, "%s beside %s: %.2f%n", row.subject(), row.rival(), row.ratio());
            }
        }
    }

    @Command(name = "gemm", header = {"Matrix products in F32 beside OpenBLAS or MKL, and beside this machine's peak.", ""},
            footer = {"", "Example:  ./xiaolu bench gemm --threads 1,2 --shape 1152,1152,1152,nn"})
    static final class Gemm extends Bench {
        @Option(names = "--threads", paramLabel = "N", split = ",", description = "Thread counts, each measured apart; 1,2 unless given.")
        private List<Integer> threads = new ArrayList<>();

        @Option(names = "--shape", paramLabel = "m,n,k,nn|nt|tn", description = "A product to measure, as often as wanted; unless given those of the 17 million parameter model.")
        private List<String> shapes = new ArrayList<>();

        @Option(names = "--millis", paramLabel = "MS", description = "Length of one turn in milliseconds.")
        private Double millis;

        Gemm(Console console) {
            super(console);
        }

        @Override BenchReport measure() {
            GemmBench.Options standard = GemmBench.Options.standard(python());
            GemmBench.Options options = usage(() -> new GemmBench.Options(backend(), threads.isEmpty() ? standard.threads() : threads,
                    shapes.isEmpty() ? standard.shapes() : shapes.stream().map(GemmShape::parse).toList(), rounds(standard.rounds()), millis == null ? standard.millis() : millis, python()));
            return GemmBench.run(options, this::progress);
        }
    }

    @Command(name = "train", header = {"Whole training steps of a small model, in tokens a second, beside PyTorch.", ""},
            footer = {"", "Example:  ./xiaolu bench train --model deepseek4-tiny-b --threads 2 --peer-python venv/bin/python"})
    static final class Train extends Bench {
        @Option(names = "--model", paramLabel = "NAME", defaultValue = "llama-17m", description = "llama-17m (the default), or deepseek4-tiny-b beside transformers.")
        private String model;

        @Option(names = "--threads", paramLabel = "N", defaultValue = "2", description = "Threads on each side; 2 unless given.")
        private int threads;

        @Option(names = "--leaf-sequences", paramLabel = "N", defaultValue = "2", description = "Sequences of a leaf of work; 2 unless given.")
        private int leafSequences;

        @Option(names = "--bf16", description = "Measures PyTorch with bf16 autocast too, llama-17m only: other arithmetic, another class.")
        private boolean bf16;

        Train(Console console) {
            super(console);
        }

        @Override BenchReport measure() {
            return TrainBench.run(usage(() -> new TrainBench.Options(model, backend(), threads, rounds(TrainBench.Options.standard(python()).rounds()), leafSequences, python(), bf16)), this::progress);
        }
    }

    @Command(name = "decode", header = {"Tokens a second of one sequence that is written token by token, beside PyTorch.", ""},
            footer = {"", "Example:  ./xiaolu bench decode --tokens 128"})
    static final class Decode extends Bench {
        @Option(names = "--threads", paramLabel = "N", defaultValue = "2", description = "Threads on each side; 2 unless given.")
        private int threads;

        @Option(names = "--tokens", paramLabel = "N", defaultValue = "128", description = "Tokens of one turn; 128 unless given.")
        private int tokens;

        Decode(Console console) {
            super(console);
        }

        @Override BenchReport measure() {
            return DecodeBench.run(usage(() -> new DecodeBench.Options(backend(), threads, rounds(DecodeBench.Options.standard(python()).rounds()), tokens, python())), this::progress);
        }
    }
}
