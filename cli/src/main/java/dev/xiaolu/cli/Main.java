package dev.xiaolu.cli;

import dev.xiaolu.platform.DiskException;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.store.CheckpointNotSavedException;
import dev.xiaolu.train.Settings;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine;

/// The program `xiaolu`.
public final class Main {
    private Main() {}

    /// Runs one command and exits with its code: 0 done, 1 failed, 2 wrong usage.
    public static void main(String[] args) {
        Optional.ofNullable(System.getProperty("xiaolu.errors")).map(Integer::valueOf).ifPresent(Tty::takeErrors);      // the launcher kept them from the VM
        Console console = Console.ofProcess();
        int code = run(console, args);
        console.out().flush();
        System.exit(code);
    }

    /// Runs one command and gives its exit code.
    static int run(Console console, String... args) {
        String unfit = unfit(Runtime.version());
        if (!unfit.isEmpty()) {
            console.err().println("xiaolu: " + unfit);
            return Action.FAILED;
        }
        int code = line(console).execute(args);
        console.out().flush();
        console.err().flush();
        return code;
    }

    /// What is wrong with this version of Java; empty for a fit one.
    static String unfit(Runtime.Version version) {
        boolean fit = version.feature() == 25 && version.compareToIgnoreOptional(Runtime.Version.parse("25.0.3")) >= 0;
        return fit ? "" : "wanted JDK 25, 25.0.3 or later, found %s; ./xiaolu looks for a fit one".formatted(version);
    }

    /// The command line with all commands.
    static CommandLine line(Console console) {
        var line = new CommandLine(Xiaolu.class, new Action.Factory(console));
        line.setOut(new java.io.PrintWriter(console.out(), true)).setErr(new java.io.PrintWriter(console.err(), true));
        line.getSubcommands().get("train").getCommandSpec().usageMessage().footer(TrainCommand.footer());
        line.setExpandAtFiles(false).setInterpolateVariables(false).setCaseInsensitiveEnumValuesAllowed(true).setUsageHelpWidth(TrainCommand.HELP_WIDTH).setUsageHelpAutoWidth(true).setUsageHelpLongOptionsMaxWidth(30);
        line.setParameterExceptionHandler((fault, words) -> wrongUsage(console, fault));
        line.setExecutionExceptionHandler((thrown, at, result) -> failed(console, thrown, at));
        return line;
    }

    private static int wrongUsage(Console console, CommandLine.ParameterException fault) {
        CommandLine at = fault.getCommandLine();
        String name = at.getCommandSpec().qualifiedName();
        var message = new StringBuilder(name).append(": ").append(fault.getMessage());
        if (fault instanceof CommandLine.UnmatchedArgumentException unmatched && !unmatched.getUnmatched().isEmpty()) {
            String word = unmatched.getUnmatched().getFirst();
            List<String> known = known(at, word);
            boolean command = !word.startsWith("-") && !at.getSubcommands().isEmpty();
            message = new StringBuilder("%s: %s '%s'%s".formatted(name, command ? "no such command" : word.startsWith("-") ? "no such option" : "one word too many:", word,
                    Settings.nearest(word, known).map(near -> "; nearest: " + near).orElse("")));
            if (command) {
                message.append("; commands: ").append(String.join(", ", at.getSubcommands().keySet()));
            }
        }
        console.err().println(message.append(System.lineSeparator()).append("  see './").append(name).append(" --help'"));
        return Action.WRONG_USAGE;
    }

    private static List<String> known(CommandLine at, String word) {
        var known = new ArrayList<String>();
        if (word.startsWith("-")) {
            at.getCommandSpec().options().forEach(option -> known.addAll(Arrays.asList(option.names())));
        } else {
            known.addAll(at.getSubcommands().keySet());
        }
        return known;
    }

    private static int failed(Console console, Exception thrown, CommandLine at) {
        boolean debug = at.getCommand() instanceof Action action && action.debug();
        String name = at.getCommandSpec().qualifiedName();
        String message = switch (thrown) {
            case WrongUsage usage -> "%s: %s%n  see './%s --help'".formatted(name, usage.getMessage(), name);
            case InputException input -> "xiaolu: " + input.getMessage();
            case DiskException disk -> "xiaolu: " + disk.getMessage();
            case CheckpointNotSavedException save -> "xiaolu: " + save.getMessage();
            default -> "xiaolu: this is a fault of the program, not yours: %s%s".formatted(thrown, debug ? "" : "%n  run it again with --debug for the place".formatted());
        };
        console.out().flush();
        console.err().println(message);
        if (debug) {
            thrown.printStackTrace(console.err());
        }
        return thrown instanceof WrongUsage ? Action.WRONG_USAGE : Action.FAILED;
    }
}
