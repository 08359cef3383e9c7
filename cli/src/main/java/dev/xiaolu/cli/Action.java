package dev.xiaolu.cli;

import dev.xiaolu.platform.InputException;
import java.io.PrintStream;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/// What all commands share: the console, `--help` and `--debug`. [#call] gives the exit code: 0 done, 1 failed.
abstract class Action implements Callable<Integer> {
    static final int DONE = 0;
    static final int FAILED = 1;
    static final int WRONG_USAGE = 2;

    private final Console console;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Shows this help.")
    private boolean help;

    @Option(names = "--debug", description = "Shows the stack trace of a failure.")
    private boolean debug;

    Action(Console console) {
        this.console = console;
    }

    final Console console() {
        return console;
    }

    final PrintStream out() {
        return console.out();
    }

    final PrintStream err() {
        return console.err();
    }

    final boolean debug() {
        return debug;
    }

    /// What `options` make of themselves; a fault that they find is wrong usage.
    static <T> T usage(Supplier<T> options) {
        try {
            return options.get();
        } catch (InputException faulty) {
            throw new WrongUsage(faulty.getMessage());
        }
    }

    /// Makes commands with the console of this program; everything else as picocli does.
    record Factory(Console console) implements CommandLine.IFactory {
        @Override public <K> K create(Class<K> type) throws Exception {
            return Action.class.isAssignableFrom(type) ? type.getDeclaredConstructor(Console.class).newInstance(console) : CommandLine.defaultFactory().create(type);
        }
    }
}
