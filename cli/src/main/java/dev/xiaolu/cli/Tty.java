package dev.xiaolu.cli;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.xiaolu.train.Screen;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Locale;
import java.util.Optional;

/// What the process's output and errors are, asked of the C library: whether a terminal, how wide, and behind which descriptor.
final class Tty {
    private static final int USUAL_WIDTH = 80;
    private static final long TIOCGWINSZ_LINUX = 0x5413;
    private static final long TIOCGWINSZ_MAC = 0x40087468;

    private Tty() {}

    /// Whether file descriptor 1 (output) or 2 (errors) is a terminal.
    static boolean isTerminal(int descriptor) {
        try {
            return (int) function("isatty", FunctionDescriptor.of(JAVA_INT, JAVA_INT)).orElseThrow().invokeExact(descriptor) == 1;
        } catch (Throwable noSuchFunction) {
            return System.console() != null && System.console().isTerminal();
        }
    }

    /// Makes the file behind `descriptor` the process's errors, descriptor 2, and closes the number it had. Where the C library refuses, errors go on as they did.
    static void takeErrors(int descriptor) {
        try {
            var dup2 = function("dup2", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT)).orElseThrow();
            var close = function("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT)).orElseThrow();
            if ((int) dup2.invokeExact(descriptor, 2) == 2) {
                int _ = (int) close.invokeExact(descriptor);
            }
        } catch (Throwable noSuchFunction) {
            return;                                              // they still come out, through the launcher's reader
        }
    }

    /// Columns of the terminal that is descriptor 1, the usual 80 where nobody tells.
    static int width() {
        boolean mac = System.getProperty("os.name").startsWith("Mac");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment size = arena.allocate(8, 8);           // rows, columns, and their pixels, 2 bytes each
            var ioctl = function("ioctl", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS), Linker.Option.firstVariadicArg(2)).orElseThrow();
            int failed = (int) ioctl.invokeExact(1, mac ? TIOCGWINSZ_MAC : TIOCGWINSZ_LINUX, size);
            int columns = Short.toUnsignedInt(size.get(JAVA_SHORT, 2));
            return failed != 0 || columns == 0 ? USUAL_WIDTH : columns;
        } catch (Throwable noSuchFunction) {
            return USUAL_WIDTH;
        }
    }

    /// The screen for a run's progress: live on a terminal, plain elsewhere, and as the environment wishes (`TERM`, `NO_COLOR`, the locale).
    static Screen screen(PrintStream out) {
        String term = Optional.ofNullable(System.getenv("TERM")).orElse("");
        if (term.isEmpty() || term.equals("dumb") || !isTerminal(1)) {
            return Screen.plain(out);
        }
        boolean colour = Optional.ofNullable(System.getenv("NO_COLOR")).orElse("").isEmpty();
        return new Screen(out, true, colour, unicode(), Tty::width);
    }

    private static boolean unicode() {
        for (String name : new String[] {"LC_ALL", "LC_CTYPE", "LANG"}) {
            String value = Optional.ofNullable(System.getenv(name)).orElse("");
            if (!value.isEmpty()) {
                return value.toUpperCase(Locale.ROOT).replace("-", "").contains("UTF8");
            }
        }
        return false;
    }

    private static Optional<MethodHandle> function(String name, FunctionDescriptor type, Linker.Option... options) {
        return Linker.nativeLinker().defaultLookup().find(name).map(symbol -> Linker.nativeLinker().downcallHandle(symbol, type, options));
    }
}
