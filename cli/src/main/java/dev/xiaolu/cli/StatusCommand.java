package dev.xiaolu.cli;

import dev.xiaolu.platform.Clock;
import dev.xiaolu.status.Fault;
import dev.xiaolu.status.RankStatus;
import dev.xiaolu.status.RunStatus;
import dev.xiaolu.status.StatusReader;
import dev.xiaolu.train.ProgressLine;
import java.nio.file.Path;
import java.util.Locale;
import java.util.OptionalDouble;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// How a run stands, whether it goes on now or not.
@Command(name = "status", header = {"Tells how a run stands: its step, its ranks and their processes, what was lost and how fast the run went on.", ""},
        footer = {"", "States: starting, settling, training, waiting (too few ranks), ending, over, stopped, failed, gone (ended without a word).", "",
            "Examples:  ./xiaolu status runs/first", "           ./xiaolu status runs/first --json | jq '.ranks[].pid'"})
final class StatusCommand extends Action {
    private static final int MOST_FAULTS = 8;

    @Parameters(paramLabel = "RUN", description = "Folder of the run.")
    private Path run;

    @Option(names = "--json", description = "Prints one JSON object.")
    private boolean json;

    StatusCommand(Console console) {
        super(console);
    }

    @Override public Integer call() {
        RunStatus status = StatusReader.read(run, Clock.real());
        if (json) {
            out().print(status.indented());
            return DONE;
        }
        out().println(words(status));
        status.why().ifPresent(why -> out().println("  " + why));
        status.page().ifPresent(page -> out().println("  watch it at " + page));
        ranks(status);
        faults(status);
        return DONE;
    }

    private static String words(RunStatus status) {
        var out = new StringBuilder(String.format(Locale.ROOT, "%s, step %d of %d", status.state(), status.step(), status.steps()));
        status.checkpoint().ifPresent(step -> out.append(", checkpoint of step ").append(step));
        if (status.generation() > 0) {
            out.append(", generation ").append(status.generation());
        }
        status.goodput().ifPresent(part -> out.append(String.format(Locale.ROOT, ", goodput %.1f%%", 100 * part)));
        status.leavesPerSecond().ifPresent(rate -> out.append(String.format(Locale.ROOT, ", %.1f leaves a second", rate)));
        return out.toString();
    }

    private void ranks(RunStatus status) {
        var table = new Table("rank", "process", "state", "last step", "beat", "a leaf takes");
        for (RankStatus rank : status.ranks()) {
            table.row(rank.index(), rank.pid().map(pid -> Long.toString(pid)).orElse("-"), rank.state(), rank.lastStep().map(step -> Long.toString(step)).orElse("-"), number("%.1f s ago", rank.secondsSinceBeat()),
                    number("%.3f s", rank.secondsPerLeaf()));
        }
        out().println();
        table.print(out(), false);
    }

    private void faults(RunStatus status) {
        if (status.faults().isEmpty()) {
            return;
        }
        var table = new Table("lost", "rank", "process", "after step", "others went on after", "how it was noticed");
        for (Fault fault : status.faults().reversed().stream().limit(MOST_FAULTS).toList()) {
            table.row(ProgressLine.duration((status.wallMillis() - fault.wallMillis()) / 1e3) + " ago", fault.index() < 0 ? "-" : fault.index(), Long.toString(fault.pid()), fault.step(),
                    number("%.2f s", fault.recoveredSeconds()), fault.why());
        }
        out().println();
        table.print(out(), false);
        if (status.faultCount() > MOST_FAULTS) {
            out().printf(Locale.ROOT, "and %,d before%n", status.faultCount() - Math.min(MOST_FAULTS, status.faults().size()));
        }
    }

    private static String number(String form, OptionalDouble value) {
        return value.isPresent() ? String.format(Locale.ROOT, form, value.getAsDouble()) : "-";
    }
}
