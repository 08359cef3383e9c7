package dev.xiaolu.cli;

import dev.xiaolu.bench.GuardBench;
import dev.xiaolu.bench.GuardReport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// Whether kernels have kept their speed.
@Command(name = "guard", header = {"Kernels beside baselines of the same run: peak, copy bandwidth, plain loops; and what a warm call leaves on the heap.", ""},
        footer = {"", "No time in seconds decides: what is wanted is a fraction of the usual ratio, and a row that misses is measured again, twice at most.",
            "Exits with 1 where a row still misses. Takes half a minute.", "", "Example:  ./xiaolu bench guard"})
final class GuardBenchCommand extends Action {
    @Option(names = "--backend", paramLabel = "NAME", defaultValue = "auto", description = "Backend: auto (the default), cpu or reference.")
    private String backend;

    @Option(names = "--threads", paramLabel = "N", description = "Threads; two, or the machine's one, unless given.")
    private Integer threads;

    @Option(names = "--rounds", paramLabel = "N", description = "Turns of each side.")
    private Integer rounds;

    @Option(names = "--json", description = "Prints one JSON object.")
    private boolean json;

    GuardBenchCommand(Console console) {
        super(console);
    }

    @Override public Integer call() {
        GuardBench.Options standard = GuardBench.Options.standard();
        var options = usage(() -> new GuardBench.Options(backend, threads == null ? standard.threads() : threads, rounds == null ? standard.rounds() : rounds, standard.millis(), standard.settle()));
        GuardReport report = GuardBench.run(options, done -> {
            if (!json && Tty.isTerminal(2)) {
                err().println(done);
            }
        });
        BenchCommand.print(out(), json, report.json(), report.setting(), report.table());
        return report.holds() ? DONE : FAILED;
    }
}
