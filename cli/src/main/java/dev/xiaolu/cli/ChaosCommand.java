package dev.xiaolu.cli;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.rank.Drill;
import dev.xiaolu.rank.Incident;
import dev.xiaolu.rank.Launch;
import dev.xiaolu.rank.Logs;
import dev.xiaolu.store.DigestChain;
import dev.xiaolu.train.ConfigReader;
import dev.xiaolu.train.HomePath;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.Screen;
import dev.xiaolu.train.TrainRun;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// Disturbs real runs and compares their ends with that of a calm one.
@Command(name = "chaos", header = {"Disturbs runs over real worker processes, and compares their ends with that of a calm run.", ""},
        footer = {"", "Faults: kill, stop, pause, slow, pair (two at once), delay, drop, duplicate, noise, cut, partition, one-way,",
            "flip (a bit of a gradient), disk (full), clock (the wall clock leaps), shard (a damaged checkpoint, and all workers killed),",
            "leader (the worker whose replica of the coordinator leads; with launch.coordinators=3, and not beside pair or shard),",
            "or all but the last.", "",
            "The run is the one that PRESET and key=value describe, as for 'train'; it is made once in peace, then again and again",
            "with faults, until the minutes are over. Everything is kept below run.dir.", "",
            "Example:  ./xiaolu chaos deepseek4-tiny launch.workers=3 train.steps=200 --faults kill,stop --every 5 --minutes 10"})
final class ChaosCommand extends Action {
    @Parameters(paramLabel = "PRESET|FILE.yaml|key=value", arity = "0..*", description = "The run, as for 'train'.")
    private List<String> words = new ArrayList<>();

    @Option(names = "--faults", split = ",", paramLabel = "FAULT", defaultValue = "kill", description = "Kinds of faults, separated by commas; kill unless given.")
    private List<String> faults = new ArrayList<>();

    @Option(names = "--every", paramLabel = "SECONDS", defaultValue = "15", description = "Mean time between two faults; 15 unless given.")
    private double every;

    @Option(names = "--most", paramLabel = "N", defaultValue = "1000000", description = "Faults in one run at most; as many as come unless given.")
    private long most;

    @Option(names = "--minutes", paramLabel = "M", defaultValue = "5", description = "How long; a run that has begun is finished; 5 unless given.")
    private double minutes;

    @Option(names = "--seed", paramLabel = "S", defaultValue = "1", description = "Draws kinds, times and victims; 1 unless given.")
    private long seed;

    ChaosCommand(Console console) {
        super(console);
    }

    @Override public Integer call() {
        Set<Drill.Fault> kinds = kinds();
        RunConfig config = usage(this::config);
        if (kinds.contains(Drill.Fault.FLIP) && config.launch().doubleCheck() < 0.2 && words.stream().noneMatch(word -> word.startsWith("launch.double_check"))) {
            config = usage(() -> ConfigReader.words(with("launch.double_check=0.3")).config());
        }
        if (kinds.contains(Drill.Fault.LEADER) && config.launch().coordinators() == 1) {
            config = usage(() -> ConfigReader.words(with("launch.coordinators=3")).config());
        }
        if (config.launch().coordinators() > 1 && (kinds.contains(Drill.Fault.PAIR) || kinds.contains(Drill.Fault.SHARD))) {
            throw new WrongUsage("--faults: pair and shard cannot stand beside leader or launch.coordinators=%d: they may end half of the coordinator's replicas at once, and with them the run".formatted(
                    config.launch().coordinators()));
        }
        Path folder = HomePath.of(config.run().dir()).resolve(config.run().name().isEmpty() ? "chaos" : config.run().name());
        if (Files.exists(folder)) {
            throw new InputException("chaos %s: there is something in this folder already; choose another run.name, or remove it".formatted(folder));
        }
        long begun = System.nanoTime();
        TrainRun.Ended calm = train(config, folder.resolve("calm"), Optional.empty());
        double calmSeconds = (System.nanoTime() - begun) * 1e-9;
        out().println("calm: %d steps in %.0f s, digest %s".formatted(calm.steps(), calmSeconds, digest(calm)));
        var drill = new Drill(kinds, Math.round(every * 1000), most, seed);
        int rounds = 0;
        boolean same = true;
        double rough = 0;
        for (long from = System.nanoTime(); (System.nanoTime() - from) * 1e-9 < minutes * 60;) {
            rounds++;
            long start = System.nanoTime();
            Path place = folder.resolve("rough-%d".formatted(rounds));
            TrainRun.Ended ended = train(config, place, Optional.of(drill));
            double seconds = (System.nanoTime() - start) * 1e-9;
            rough += seconds;
            boolean equal = digest(ended).equals(digest(calm)) && chain(ended).equals(chain(calm));
            List<String> violations = Logs.faults(config, place);
            same &= equal && violations.isEmpty();
            out().println(String.format(Locale.ROOT, "round %d: %d faults so far, %.0f s, digest %s, %s", rounds, drill.total(), seconds, equal ? "equal" : "DIFFERENT: " + digest(ended),
                    violations.isEmpty() ? "log sound" : "LOG NOT SOUND: " + violations.getFirst()));
            out().flush();
            if (equal) {
                Disk.real().deleteTree(place.resolve("checkpoints"));
            }
        }
        tell(drill, rounds, calmSeconds, rough);
        out().println(same ? "every run ended with the digest and the chain of the calm one" : "NOT every run ended as the calm one did");
        return same ? DONE : FAILED;
    }

    private RunConfig config() {
        RunConfig config = ConfigReader.words(words).config();
        return config.launch().isOverWorkers() ? config : ConfigReader.words(with("launch.workers=3")).config();
    }

    private List<String> with(String word) {
        var more = new ArrayList<>(words);
        more.add(word);
        return more;
    }

    private Set<Drill.Fault> kinds() {
        var kinds = EnumSet.noneOf(Drill.Fault.class);
        for (String word : faults) {
            if (word.equals("all")) {
                kinds.addAll(EnumSet.complementOf(EnumSet.of(Drill.Fault.LEADER)));
                continue;
            }
            kinds.add(EnumSet.allOf(Drill.Fault.class).stream().filter(fault -> Drill.word(fault).equals(word)).findFirst()
                    .orElseThrow(() -> new WrongUsage("--faults: '%s' is none of %s, or all".formatted(word,
                            EnumSet.allOf(Drill.Fault.class).stream().map(Drill::word).collect(Collectors.joining(", "))))));
        }
        return kinds;
    }

    private TrainRun.Ended train(RunConfig config, Path place, Optional<Drill> drill) {
        Disk.real().createDirectories(place.getParent());
        try (var log = new PrintStream(Files.newOutputStream(place.resolveSibling(place.getFileName() + ".log")), true)) {
            Screen screen = Screen.plain(log);
            return new TrainRun(screen, () -> false, new Launch(OwnProcess.command("worker"), screen, () -> false, drill)).start(config, place);
        } catch (java.io.IOException failed) {
            throw new InputException("chaos %s: the log cannot be written: %s".formatted(place, failed.getMessage()), failed);
        }
    }

    private static String digest(TrainRun.Ended ended) {
        return ended.checkpoint().map(checkpoint -> checkpoint.manifest().weightsDigest()).orElse("none");
    }

    private static DigestChain chain(TrainRun.Ended ended) {
        return ended.checkpoint().map(checkpoint -> checkpoint.manifest().chain()).orElse(DigestChain.START);
    }

    private void tell(Drill drill, int rounds, double calmSeconds, double roughSeconds) {
        var table = new Table("fault", "times", "detected", "median s", "p95 s", "most s", "went on", "median s", "p95 s", "most s");
        drill.counts().forEach((fault, times) -> {
            List<Double> detected = drill.detections(fault).stream().sorted().toList(), went = drill.recoveries(fault).stream().sorted().toList();
            table.row(Drill.word(fault), times, detected.size(), at(detected, 0.5), at(detected, 0.95), at(detected, 1), went.size(), at(went, 0.5), at(went, 0.95), at(went, 1));
        });
        table.print(out(), false);
        List<Double> all = drill.counts().keySet().stream().flatMap(fault -> drill.recoveries(fault).stream()).sorted().toList();
        out().println("from fault to going on, " + all.size() + " times:");
        histogram(all);
        List<Incident> unexplained = drill.unexplained();
        out().println(String.format(Locale.ROOT, "%d faults in %d runs; given up without a fault: %d%s; effective time against the calm run: %.0f %%", drill.total(), rounds, unexplained.size(),
                unexplained.isEmpty() ? "" : " (" + unexplained.getFirst().why() + ")", 100 * rounds * calmSeconds / roughSeconds));
    }

    private static String at(List<Double> sorted, double part) {
        return sorted.isEmpty() ? "-" : String.format(Locale.ROOT, "%.2f", sorted.get((int) Math.min(sorted.size() - 1, Math.floor(part * sorted.size()))));
    }

    private void histogram(List<Double> seconds) {
        double[] limits = {0.25, 0.5, 1, 2, 3, 5, 10, 30, Double.POSITIVE_INFINITY};
        double from = 0;
        for (double limit : limits) {
            double low = from;
            long count = seconds.stream().filter(each -> each >= low && each < limit).count();
            if (count > 0) {
                out().println(String.format(Locale.ROOT, "  %5.2f s %s %s %d", low, Double.isInfinite(limit) ? "and more  " : String.format(Locale.ROOT, "to %5.2f s", limit),
                        "#".repeat((int) Math.max(1, 50 * count / Math.max(1, seconds.size()))), count));
            }
            from = limit;
        }
    }
}
