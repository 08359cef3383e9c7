package dev.xiaolu.comm;

import java.io.IOException;

/// Why a peer is not heard, or a connection was refused; [#reason] for programs, the message for people. Never holds anything of the run key.
public final class TransportException extends IOException {
    private static final long serialVersionUID = 1L;

    /// What went wrong.
    public enum Reason {
        /// No connection for longer than [Endpoint.Options#unreachableAfter].
        UNREACHABLE,
        /// The other side proved another run key, or none.
        WRONG_KEY,
        /// Speaks another protocol: an HTTP client, a port scanner.
        STRANGER,
        /// Speaks another version of ours.
        WRONG_VERSION,
        /// A process of this run, but not the one that was called: the address has a new owner.
        OTHER_PROCESS,
        /// The peer has forgotten this process and will never listen to it again.
        FORGOTTEN,
        /// [Endpoint.Receiver#received] threw; the message counts as received.
        RECEIVER
    }

    private final Reason reason;

    TransportException(Reason reason, Throwable cause, String message) {
        super(message, cause);
        this.reason = reason;
    }

    TransportException(Reason reason, String message) {
        this(reason, null, message);
    }

    public Reason reason() {
        return reason;
    }
}
