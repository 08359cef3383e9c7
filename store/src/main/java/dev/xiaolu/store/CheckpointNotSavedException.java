package dev.xiaolu.store;

import dev.xiaolu.platform.DiskException;

/// A checkpoint could not be saved; those before it are as whole as they were, and nothing of it is left but perhaps a hidden folder that the next save removes.
///
/// The run may go on and try again at the next save.
public final class CheckpointNotSavedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final boolean diskFull;

    CheckpointNotSavedException(String message, DiskException cause) {
        super(message, cause);
        this.diskFull = cause.isFull();
    }

    /// Whether the reason was a full disk.
    public boolean isDiskFull() {
        return diskFull;
    }
}
