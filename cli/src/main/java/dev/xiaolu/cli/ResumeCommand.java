package dev.xiaolu.cli;

import dev.xiaolu.platform.InputException;
import dev.xiaolu.train.ConfigReader;
import dev.xiaolu.train.RunConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// Goes on with a run.
@Command(name = "resume", header = {"Goes on with a run from its newest whole checkpoint, to the same bits as if it had never stopped.", ""},
        footer = {"", "Only settings that change no bit may be changed, such as cpu.threads or train.checkpoint_every;", "'./xiaolu train --help' marks them.", "",
            "Example:  ./xiaolu resume runs/first cpu.threads=4"})
final class ResumeCommand extends Action {
    @Parameters(index = "0", paramLabel = "RUN", description = "Folder of the run.")
    private Path run;

    @Parameters(index = "1..*", paramLabel = "key=value", arity = "0..*", description = "Settings to change.")
    private List<String> words = new ArrayList<>();

    @Option(names = "--profile", description = "Measures where the time of 50 steps goes, operator by operator, after the first 30; train.profile_steps sets another number.")
    private boolean profile;

    ResumeCommand(Console console) {
        super(console);
    }

    @Override public Integer call() {
        Path file = run.resolve("config.yaml");
        if (Files.exists(file)) {
            check(ConfigReader.file(file, List.of()), file);
        }
        return TrainingSession.train(console(), session -> session.resume(run, TrainCommand.profiled(profile, words)));
    }

    /// Refuses words that are no settings, or that change bits, as wrong usage before anything is touched.
    private void check(RunConfig before, Path file) {
        try {
            ConfigReader.checkResume(before, ConfigReader.file(file, TrainCommand.profiled(profile, words)));
        } catch (InputException faulty) {
            throw new WrongUsage(faulty.getMessage());
        }
    }
}
