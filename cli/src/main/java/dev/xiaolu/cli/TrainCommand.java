package dev.xiaolu.cli;

import dev.xiaolu.platform.InputException;
import dev.xiaolu.train.ConfigReader;
import dev.xiaolu.train.ConfigWriter;
import dev.xiaolu.train.HomePath;
import dev.xiaolu.train.Presets;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.Settings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// Trains a model from nothing.
@Command(name = "train", header = {"Trains a model from random weights on text.", ""})
final class TrainCommand extends Action {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss");
    private static final int HELP_COLUMN = 34;
    static final int HELP_WIDTH = 100;

    @Parameters(paramLabel = "PRESET|FILE.yaml|key=value", arity = "0..*", description = "A preset or a YAML file to begin with, and settings that go over it.")
    private List<String> words = new ArrayList<>();

    @Option(names = "--print-config", description = "Prints the whole config that these words make, and trains nothing.")
    private boolean printConfig;

    @Option(names = "--profile", description = "Measures where the time of 50 steps goes, operator by operator, after the first 30; train.profile_steps sets another number.")
    private boolean profile;

    TrainCommand(Console console) {
        super(console);
    }

    @Override public Integer call() {
        ConfigReader.Read read = read();
        if (printConfig) {
            out().print(ConfigWriter.yaml(read.config()));
            return DONE;
        }
        Path folder = folder(read);
        return TrainingSession.train(console(), session -> session.start(read.config(), folder));
    }

    private ConfigReader.Read read() {
        try {
            return ConfigReader.words(profiled(profile, words));
        } catch (InputException faulty) {
            throw new WrongUsage(faulty.getMessage());
        }
    }

    /// The words with those that a profile needs.
    static List<String> profiled(boolean profile, List<String> words) {
        if (!profile || words.stream().anyMatch(word -> word.startsWith("train.profile_steps="))) {
            return words;
        }
        return Stream.concat(words.stream(), Stream.of("train.profile_steps=50")).toList();
    }

    /// The run's folder: by name, or by what it was made from and the time.
    private static Path folder(ConfigReader.Read read) {
        RunConfig.Run run = read.config().run();
        Path folder = HomePath.of(run.dir());
        if (!run.name().isEmpty()) {
            return folder.resolve(run.name());
        }
        String name = read.base() + "-" + TIME.format(LocalDateTime.now());
        Path unused = folder.resolve(name);
        for (int again = 2; Files.exists(unused); again++) {
            unused = folder.resolve(name + "-" + again);
        }
        return unused;
    }

    /// The part of the help that follows the options: presets, settings, examples.
    static String[] footer() {
        var lines = new ArrayList<String>(List.of("", "Presets:"));
        for (String preset : Presets.names()) {
            lines.add("  %-16s %s%s".formatted(preset, Presets.about(preset), preset.equals(Presets.STANDARD) ? " (standard)" : ""));
        }
        lines.addAll(List.of("", "Settings (key=value; in YAML a section with keys below it), each with its default.", "Those marked * may be changed when a run is resumed: they change no bit of the weights."));
        String section = "";
        for (Settings.Row row : Settings.all()) {
            String now = row.key().substring(0, row.key().indexOf('.'));
            if (!now.equals(section)) {
                lines.add("");
                section = now;
            }
            String key = "  " + row.key() + (row.free() ? " *" : "");
            String line = key + " ".repeat(Math.max(1, HELP_COLUMN - key.length())) + row.help();
            String standard = row.standard().isEmpty() || row.standard().equals("[]") ? "" : "[" + row.standard() + "]";
            boolean fits = line.length() + 1 + standard.length() <= HELP_WIDTH;
            lines.add(standard.isEmpty() || !fits ? line : line + " " + standard);
            if (!fits) {
                lines.add(" ".repeat(HELP_COLUMN) + standard);
            }
        }
        lines.addAll(List.of("", "Examples:  ./xiaolu train", "           ./xiaolu train train.steps=50 run.name=first", "           ./xiaolu train my.yaml data.paths=~/texts,more.jsonl.gz cpu.threads=2"));
        return lines.stream().map(line -> line.replace("%", "%%").replace("@|", "@ |")).toArray(String[]::new);
    }
}
