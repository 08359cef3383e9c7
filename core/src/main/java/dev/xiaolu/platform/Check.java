package dev.xiaolu.platform;

import java.util.Locale;

/// The two ways in which a wanted condition may fail: the caller's code is wrong, or something from outside is.
public final class Check {
    private Check() {}

    /// Throws [IllegalArgumentException] when `condition` is false: a programmer's mistake, such as shapes that do not fit.
    public static void check(boolean condition, String format, Object... args) {
        if (!condition) {
            throw new IllegalArgumentException(String.format(Locale.ROOT, format, args));
        }
    }

    /// Throws [InputException] when `condition` is false: a file, config or argument that its owner can mend.
    public static void checkInput(boolean condition, String format, Object... args) {
        if (!condition) {
            throw InputException.of(format, args);
        }
    }
}
