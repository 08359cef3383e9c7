package dev.xiaolu.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// The program itself: a list of commands.
@Command(name = "xiaolu", versionProvider = Version.class, header = {"Trains and serves language models with the same bits everywhere.", ""},
        synopsisSubcommandLabel = "COMMAND", commandListHeading = "%nCommands:%n",
        subcommands = {TrainCommand.class, ResumeCommand.class, StatusCommand.class, GenerateCommand.class, ChatCommand.class, EvalCommand.class, LogitsCommand.class, GradsCommand.class,
            TokenizerCommand.class, InspectCommand.class, OpsCommand.class, DoctorCommand.class, BenchCommand.class, SimCommand.class, ChaosCommand.class, WorkerCommand.class},
        footer = {"", "Begin with:  ./xiaolu train", "Each command has --help with an example."})
final class Xiaolu extends Action {
    @Spec
    private CommandSpec spec;

    @Option(names = {"-V", "--version"}, versionHelp = true, description = "Shows the version of the program, its arithmetic and its JDK.")
    private boolean version;

    Xiaolu(Console console) {
        super(console);
    }

    @Override public Integer call() {
        spec.commandLine().usage(err());
        return WRONG_USAGE;
    }
}
