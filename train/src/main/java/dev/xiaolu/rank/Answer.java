package dev.xiaolu.rank;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.comm.Message;
import java.nio.ByteBuffer;

/// What comes back for a [Question], as the head of a message of kind [Wire#ROWS_BACK]: its number and, of a leaf whose gradients are digested, two words for each stack of weights. The body holds the rows.
record Answer(long number, long[] digests) {
    byte[] head() {
        var head = ByteBuffer.allocate(Long.BYTES * (1 + digests.length)).putLong(number);
        for (long word : digests) {
            head.putLong(word);
        }
        return head.array();
    }

    /// Reads what `from` answers; refuses a head that is no row of whole words.
    static Answer of(long from, Message message) {
        ByteBuffer head = ByteBuffer.wrap(message.head());
        check(head.remaining() >= Long.BYTES && head.remaining() % Long.BYTES == 0, "rank %016x answers with %d bytes, wanted words of 8 and at least one", from, head.remaining());
        long number = head.getLong();
        long[] digests = new long[head.remaining() / Long.BYTES];
        head.asLongBuffer().get(digests);
        return new Answer(number, digests);
    }
}
