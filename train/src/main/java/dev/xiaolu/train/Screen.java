package dev.xiaolu.train;

import java.io.PrintStream;
import java.util.function.IntSupplier;

/// Where a run shows its progress.
///
/// @param out     takes the text
/// @param live    whether a line can be written over, as on a terminal
/// @param colour  whether colours may be used
/// @param unicode whether more than ASCII can be shown
/// @param width   columns, asked anew for every line as a window may be resized
public record Screen(PrintStream out, boolean live, boolean colour, boolean unicode, IntSupplier width) {
    /// A file, a pipe, or a terminal that only types on.
    public static Screen plain(PrintStream out) {
        return new Screen(out, false, false, false, () -> 100);
    }
}
