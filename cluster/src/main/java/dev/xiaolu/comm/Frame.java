package dev.xiaolu.comm;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/// One frame on its way out: header, payload and room for the MAC in one buffer, little-endian.
///
/// ```
/// 0  int   bytes of the payload, at most 1 MiB and a prefix
/// 4  int   type: 1 small message, 2 chunk of a large one, 3 progress
/// 8  long  sequence in its class, from 1; 0 for progress
/// 16 int   CRC-32C of the 16 bytes before: a torn stream is noticed before a wrong length is believed
/// 20       payload
///    32    HMAC-SHA256 of the count of frames before, header and payload
/// ```
///
/// A message is a stream of bytes: `int` kind, `int` bytes of the head, `long` bytes of the body, head, body. A small one is one frame, a large one is cut into chunks.
record Frame(int type, ByteBuffer bytes) {
    static final int SMALL = 1, CHUNK = 2, PROGRESS = 3;
    static final int HEADER_BYTES = 20, MAC_BYTES = 32, PREFIX_BYTES = 16;
    static final int CHUNK_BYTES = 256 << 10;
    static final int MAX_PAYLOAD_BYTES = Message.SMALL_BYTES + PREFIX_BYTES;
    static final int MAX_BYTES = HEADER_BYTES + MAX_PAYLOAD_BYTES + MAC_BYTES;

    /// How far one side has come with what the other sent: frames of each class received, and bytes of the window that the receiver has taken.
    record Progress(long small, long chunks, long takenBytes) {
        private static final int BYTES = 24;

        Frame frame() {
            Frame frame = new Frame(PROGRESS, buffer(ByteBuffer.allocate(HEADER_BYTES + BYTES + MAC_BYTES)));
            frame.bytes.putLong(small).putLong(chunks).putLong(takenBytes);
            frame.seal(0);
            return frame;
        }

        static Progress of(ByteBuffer payload) {
            return new Progress(payload.getLong(), payload.getLong(), payload.getLong());
        }
    }

    /// Copies a message into frames, which still lack their sequence.
    static List<Frame> of(Message message, ChunkPool pool) {
        long bytes = PREFIX_BYTES + message.bytes();
        if (message.isSmall()) {
            var frame = new Frame(SMALL, buffer(ByteBuffer.allocate(HEADER_BYTES + (int) bytes + MAC_BYTES)));
            frame.prefix(message);
            frame.append(message.body(), 0, (int) message.body().byteSize());
            return List.of(frame);
        }
        var frames = new ArrayList<Frame>(Math.toIntExact((bytes + CHUNK_BYTES - 1) / CHUNK_BYTES));
        for (long from = 0; from < message.body().byteSize() || frames.isEmpty();) {
            var frame = new Frame(CHUNK, buffer(pool.take()));
            if (frames.isEmpty()) {
                frame.prefix(message);
            }
            int length = (int) Math.min(CHUNK_BYTES - (frame.bytes.position() - HEADER_BYTES), message.body().byteSize() - from);
            frame.append(message.body(), from, length);
            frames.add(frame);
            from += length;
        }
        return frames;
    }

    private static ByteBuffer buffer(ByteBuffer empty) {
        return empty.clear().order(ByteOrder.LITTLE_ENDIAN).position(HEADER_BYTES);
    }

    private void prefix(Message message) {
        bytes.putInt(message.kind()).putInt(message.head().length).putLong(message.body().byteSize()).put(message.head());
    }

    private void append(MemorySegment body, long from, int length) {
        MemorySegment.copy(body, from, MemorySegment.ofBuffer(bytes), 0, length);
        bytes.position(bytes.position() + length);
    }

    /// Writes the header; the payload reaches to the position.
    void seal(long sequence) {
        bytes.limit(bytes.position() + MAC_BYTES);
        bytes.putInt(0, bytes.position() - HEADER_BYTES).putInt(4, type).putLong(8, sequence).putInt(16, headerSum(bytes, 0));
        bytes.position(0);
    }

    long sequence() {
        return bytes.getLong(8);
    }

    /// CRC-32C of the header that begins at `at`.
    static int headerSum(ByteBuffer bytes, int at) {
        var sum = new CRC32C();
        sum.update(bytes.slice(at, HEADER_BYTES - 4));
        return (int) sum.getValue();
    }
}
