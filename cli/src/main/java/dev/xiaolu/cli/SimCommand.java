package dev.xiaolu.cli;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.sim.Budget;
import dev.xiaolu.sim.FaultKind;
import dev.xiaolu.sim.LogCheck;
import dev.xiaolu.sim.LogWriter;
import dev.xiaolu.sim.Outcome;
import dev.xiaolu.sim.Scenario;
import dev.xiaolu.sim.Simulation;
import dev.xiaolu.sim.Times;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// Runs of the control plane in a simulated world, and the check of a log.
@Command(name = "sim", header = {"Simulates runs on many machines with faults, or checks the log of a run.", ""},
        footer = {"", "The control plane is that of real runs; time, network, disk and arithmetic are simulated.",
            "The same line gives the same history. Exits with 1 where a run ended in other bits than a",
            "calm one, broke an invariant, or a budget of seeds left a rare branch untaken.", "",
            "Example:  ./xiaolu sim --nodes 100 --faults kill,partition --seed 7", "          ./xiaolu sim --seeds 100", "          ./xiaolu sim --log run.txt && ./xiaolu sim --check run.txt"})
final class SimCommand extends Action {
    private static final int MOST_FAULTS = 20;

    @Option(names = "--nodes", paramLabel = "N", defaultValue = "16", description = "Ranks that the run begins with, up to 1000; 16 by default.")
    private int nodes;

    @Option(names = "--steps", paramLabel = "N", defaultValue = "40", description = "Steps of the run; 40 by default.")
    private int steps;

    @Option(names = "--leaves", paramLabel = "N", description = "Gradient leaves of each step; two for each node by default.")
    private Integer leaves;

    @Option(names = "--faults", paramLabel = "LIST", defaultValue = "all", description = "What goes wrong: some of kill,stop,slow,delay,partition,disk,flip,clock; or all (the default), or none.")
    private String faults;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "1", description = "Decides all that is left open; 1 by default.")
    private long seed;

    @Option(names = "--seeds", paramLabel = "N", description = "Simulates so many seeds, beginning with --seed, and counts the rare branches that they take.")
    private Integer seeds;

    @Option(names = "--mingled", description = "Sums hold parts of other ranks' leaves, as where experts are spread: a step that loses a rank begins anew.")
    private boolean mingled;

    @Option(names = "--log", paramLabel = "FILE", description = "Writes the history of the run, one event or action a line.")
    private Path log;

    @Option(names = "--check", paramLabel = "FILE", description = "Simulates nothing: the independent checker reads the log of a run, simulated or real.")
    private Path check;

    @Option(names = "--json", description = "Prints a JSON list of objects.")
    private boolean json;

    SimCommand(Console console) {
        super(console);
    }

    @Override public Integer call() {
        if (check != null && (log != null || seeds != null) || log != null && seeds != null) {
            throw WrongUsage.of("--seeds, --log and --check are three different things to do, wanted one of them");
        }
        if (check != null) {
            return check();
        }
        Scenario scenario = usage(this::scenario);
        if (seeds == null) {
            return one(scenario);
        }
        if (seeds < 1) {
            throw WrongUsage.of("--seeds is %d, wanted at least 1", seeds);
        }
        return budget(scenario);
    }

    private Scenario scenario() {
        Set<FaultKind> kinds = new TreeSet<>(FaultKind.parse(faults));
        if (faults.equals("all") && nodes < 3) {
            kinds.remove(FaultKind.FLIP);                                // of two that differ nobody can say who errs
        }
        return new Scenario(nodes, steps, leaves == null ? Math.max(1, 2 * nodes) : leaves, kinds, seed, false, mingled);
    }

    private int one(Scenario scenario) {
        Outcome outcome;
        if (log == null) {
            outcome = Simulation.run(scenario);
        } else {
            if (Files.isDirectory(log)) {
                throw WrongUsage.of("--log is the folder %s, wanted a file", log);
            }
            try (var writer = new LogWriter(Disk.real(), log, scenario)) {
                outcome = Simulation.run(scenario, writer);
            }
        }
        if (json) {
            rows(List.of(outcome)).print(out(), true);
        } else {
            facts(outcome).print(out(), false);
        }
        tell(outcome);
        return outcome.isSound() ? DONE : FAILED;
    }

    private int budget(Scenario first) {
        Budget budget = Budget.run(first, seeds, this::tell);
        if (json) {
            rows(budget.outcomes()).print(out(), true);
        } else {
            var table = new Table("branch", "runs");
            budget.branches().forEach((branch, runs) -> table.row(branch.words(), runs));
            table.print(out(), false);
            List<Outcome> all = budget.outcomes();
            out().printf(Locale.ROOT, "%d runs of %d nodes, %d steps, %d leaves: %d as the calm run, %d with broken invariants, median goodput %.1f %%%n", all.size(), first.nodes(), first.steps(), first.leaves(),
                    all.stream().filter(outcome -> outcome.digest() == outcome.calmDigest()).count(), all.stream().filter(outcome -> !outcome.violations().isEmpty()).count(),
                    100 * all.stream().map(Outcome::goodput).sorted().toList().get((all.size() - 1) / 2));
        }
        if (!budget.missed().isEmpty()) {
            err().printf("sim: no run of %d took the branch%s: %s; more seeds may, and if they do not, nothing tests it%n", seeds, budget.missed().size() == 1 ? "" : "es",
                    budget.missed().stream().map(branch -> "'" + branch.words() + "'").collect(Collectors.joining(", ")));
        }
        return budget.unsound().isEmpty() && budget.missed().isEmpty() ? DONE : FAILED;
    }

    /// What is wrong with a run, and the line that shows it again.
    private void tell(Outcome outcome) {
        if (!outcome.isSound()) {
            var wrong = new ArrayList<>(outcome.violations());
            if (outcome.digest() != outcome.calmDigest()) {
                wrong.add("step %d has digest %016x, that of a calm run is %016x".formatted(outcome.committed(), outcome.digest(), outcome.calmDigest()));
            }
            err().printf("sim: seed %d is wrong; replay it with: %s%n", outcome.scenario().seed(), outcome.scenario().command());
            wrong.stream().limit(MOST_FAULTS).forEach(each -> err().println("  - " + each));
        }
    }

    private static Table facts(Outcome outcome) {
        Scenario scenario = outcome.scenario();
        String injected = Arrays.stream(FaultKind.values()).filter(outcome.injected()::containsKey).map(kind -> kind.word() + " " + outcome.injected().get(kind)).collect(Collectors.joining(", "));
        return new Table("what", "found")
                .row("seed", Long.toString(scenario.seed()))
                .row("run", "%s, %s of %s".formatted(count(scenario.nodes(), "node"), count(scenario.steps(), "step"), count(scenario.leaves(), "leaf")))
                .row("faults", injected.isEmpty() ? "none" : injected)
                .row("recoveries", outcome.recoveries())
                .row("detection", words(outcome.detection()))
                .row("recovery", words(outcome.recovery()))
                .row("events", outcome.events())
                .row("simulated time", String.format(Locale.ROOT, "%.1f s", outcome.nanos() / 1e9))
                .row("goodput", String.format(Locale.ROOT, "%.1f %% of a calm run", 100 * outcome.goodput()))
                .row("ended", "step %d, %s".formatted(outcome.committed(), outcome.end()))
                .row("digest", "%016x, equal to that of the calm run: %s".formatted(outcome.digest(), outcome.digest() == outcome.calmDigest() ? "yes" : "no"))
                .row("history", outcome.history())
                .row("invariants violated", outcome.violations().size());
    }

    private static String words(Times times) {
        return times.count() == 0 ? "nothing to tell" : "median %s, 95 %% within %s, longest %s; %s".formatted(words(times.median()), words(times.p95()), words(times.max()), count(times.count(), "time"));
    }

    private static String words(long nanos) {
        return String.format(Locale.ROOT, nanos < 1_000_000_000 ? "%.1f ms" : "%.2f s", nanos < 1_000_000_000 ? nanos / 1e6 : nanos / 1e9);
    }

    private static String count(int count, String thing) {
        return String.format(Locale.ROOT, "%,d %s", count, count == 1 ? thing : thing.equals("leaf") ? "leaves" : thing + "s");
    }

    /// One row for each run, for scripts; times in simulated seconds.
    private static Table rows(List<Outcome> outcomes) {
        var headings = new ArrayList<>(List.of("seed", "nodes", "steps", "leaves"));
        Arrays.stream(FaultKind.values()).forEach(kind -> headings.add(kind.word()));
        headings.addAll(List.of("recoveries", "detection median", "detection p95", "detection max", "recovery median", "recovery p95", "recovery max", "events", "simulated seconds", "goodput",
                "committed", "ended", "digest", "digest equal", "history", "violations", "branches"));
        var table = new Table(headings.toArray(String[]::new));
        for (Outcome outcome : outcomes) {
            Scenario scenario = outcome.scenario();
            var cells = new ArrayList<Object>(List.of(scenario.seed(), scenario.nodes(), scenario.steps(), scenario.leaves()));
            Arrays.stream(FaultKind.values()).forEach(kind -> cells.add(outcome.injected().getOrDefault(kind, 0)));
            Times detection = outcome.detection(), recovery = outcome.recovery();
            cells.add(outcome.recoveries());
            List.of(detection.median(), detection.p95(), detection.max(), recovery.median(), recovery.p95(), recovery.max()).forEach(nanos -> cells.add(nanos / 1e9));
            cells.addAll(List.of(outcome.events(), outcome.nanos() / 1e9, outcome.goodput(), outcome.committed(), outcome.end(), "%016x".formatted(outcome.digest()),
                    outcome.digest() == outcome.calmDigest(), outcome.history(), outcome.violations(), outcome.branches().stream().sorted().map(branch -> branch.name().toLowerCase(Locale.ROOT)).toList()));
            table.row(cells.toArray());
        }
        return table;
    }

    private int check() {
        LogCheck.Found found = LogCheck.check(check, leaves == null ? OptionalInt.empty() : OptionalInt.of(leaves));
        new Table("what", "found")
                .row("events", found.turns())
                .row("generations", found.generations())
                .row("ranks given up", found.lost())
                .row("rewinds", found.rewinds())
                .row("last step that counts", found.committed())
                .row("end", found.torn() ? "the log breaks off within a line" : found.end().isEmpty() ? "the log has none" : found.end())
                .row("leaves of a step", found.leaves())
                .row("invariants violated", found.faults().size())
                .print(out(), json);
        found.faults().stream().limit(MOST_FAULTS).forEach(fault -> err().println("  - " + fault));
        if (found.faults().size() > MOST_FAULTS) {
            err().printf("  - and %d more%n", found.faults().size() - MOST_FAULTS);
        }
        return found.faults().isEmpty() ? DONE : FAILED;
    }
}
