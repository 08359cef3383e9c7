package dev.xiaolu.comm;

import static dev.xiaolu.platform.Check.check;

import java.lang.foreign.MemorySegment;

/// One message: what it is, a few numbers, and bytes.
///
/// The transport gives no meaning to `kind` and `head`. A sender may change `head` and `body` as soon as [Endpoint#send] has returned; a received `body` is
/// read-only, off-heap, aligned to 64 bytes, and belongs to the receiver: it lives as long as something refers to it.
///
/// @param kind what the message is, in the words of those who exchange it
/// @param head at most [#MAX_HEAD_BYTES] bytes, for what is read at once; not to be changed by the receiver
/// @param body at most [#MAX_BYTES] together with `head`
public record Message(int kind, byte[] head, MemorySegment body) {
    /// The largest head, in bytes.
    public static final int MAX_HEAD_BYTES = 64 << 10;

    /// The largest message, head and body, in bytes.
    public static final long MAX_BYTES = 4L << 30;

    /// Up to this many bytes of head and body a message is small: it travels in one frame and may overtake larger ones.
    public static final int SMALL_BYTES = 1 << 20;

    /// The body of a message that has none.
    public static final MemorySegment NO_BODY = MemorySegment.NULL.asReadOnly();

    private static final byte[] NO_HEAD = {};

    public Message {
        check(head.length <= MAX_HEAD_BYTES, "Message of kind %d: the head has %d bytes, wanted at most %d; put the rest into the body", kind, head.length, MAX_HEAD_BYTES);
        check(body.byteSize() <= MAX_BYTES - head.length, "Message of kind %d: head and body have %d bytes, wanted at most %d; send parts", kind,
                head.length + body.byteSize(), MAX_BYTES);
    }

    /// A message without a body.
    public static Message of(int kind, byte[] head) {
        return new Message(kind, head, NO_BODY);
    }

    /// A message that only says what it is.
    public static Message of(int kind) {
        return of(kind, NO_HEAD);
    }

    /// Bytes of head and body.
    public long bytes() {
        return head.length + body.byteSize();
    }

    /// What it counts for in the window: its bytes, and about what its bookkeeping takes on both sides, so that a window of empty messages is bounded too.
    long windowBytes() {
        return 256 + bytes();
    }

    boolean isSmall() {
        return bytes() <= SMALL_BYTES;
    }

    @Override public String toString() {
        return "message of kind %d, head %d bytes, body %d bytes".formatted(kind, head.length, body.byteSize());
    }
}
