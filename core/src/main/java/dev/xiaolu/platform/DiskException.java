package dev.xiaolu.platform;

import java.nio.file.Path;

/// The file system refused or failed: the path, what was tried, and the system's own words.
///
/// An operating error, not a mistake in the program: whoever writes a file meets it and decides what is still whole.
public final class DiskException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final boolean full;

    private DiskException(String message, boolean full, Throwable cause) {
        super(message, cause);
        this.full = full;
    }

    /// A failure to do `action` (for example `write`) with `path`, explained by the system's words.
    public static DiskException of(String action, Path path, String reason, Throwable cause) {
        return new DiskException("%s: cannot %s: %s".formatted(path, action, reason), false, cause);
    }

    /// A failure to write because the disk, or the share of it that this user may fill, is full.
    public static DiskException full(Path path, Throwable cause) {
        return new DiskException("%s: cannot write: the disk is full".formatted(path), true, cause);
    }

    /// Whether there was no space left.
    public boolean isFull() {
        return full;
    }
}
