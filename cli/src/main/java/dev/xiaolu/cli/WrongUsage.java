package dev.xiaolu.cli;

/// The words of the command line are not what the command takes; the message says which and what was wanted.
final class WrongUsage extends RuntimeException {
    private static final long serialVersionUID = 1L;

    WrongUsage(String message) {
        super(message);
    }

    static WrongUsage of(String format, Object... args) {
        return new WrongUsage(String.format(java.util.Locale.ROOT, format, args));
    }
}
