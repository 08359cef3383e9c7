package dev.xiaolu.platform;

/// Something that came from outside the program (a file, a config, an argument, a device) is not as wanted.
///
/// Its message is written for the person who can mend it: the subject, what was wanted, what was found and, where
/// there is one, the remedy. The command line prints the message alone, without a stack trace.
public final class InputException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /// Takes the whole message: `subject: wanted …, found …; remedy`.
    public InputException(String message) {
        super(message);
    }

    /// Takes the message and the lower-level failure that explains it.
    public InputException(String message, Throwable cause) {
        super(message, cause);
    }

    /// An exception whose message is `format` filled with `args`, as [String#format] does.
    public static InputException of(String format, Object... args) {
        return new InputException(String.format(java.util.Locale.ROOT, format, args));
    }
}
