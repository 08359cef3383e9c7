package dev.xiaolu.rank;

import dev.xiaolu.comm.Message;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/// The kinds of messages between ranks and their coordinator, and how they are written. Kinds from 0x7E00 on are the transport's.
final class Wire {
    /// Rank to coordinator: an event, as a line of [dev.xiaolu.recover.Lines].
    static final int EVENT = 1;
    /// Coordinator to rank: an order, as such a line.
    static final int ORDER = 2;
    /// Rank to coordinator: sign of life; how much it has done, and how long a leaf took. And back, as an answer.
    static final int BEAT = 3;
    /// Rank to rank: what I own of this step is made, in this generation.
    static final int MADE = 4;
    /// Coordinator to rank: look at held-out text, and write, after this committed step.
    static final int LOOK = 5;
    /// Rank to coordinator: what came of it, as JSON.
    static final int SEEN = 6;
    /// Coordinator to rank: the chain of digests up to the step that is to be saved, as text; comes before the order.
    static final int CHAIN = 7;
    /// Coordinator to rank: you have no part in this run, and why.
    static final int FAREWELL = 8;
    /// Coordinator to rank, in drills alone: turn over this bit of the next gradient that is computed to be compared.
    static final int FLIP = 9;
    /// Rank to coordinator: the checkpoint of this step cannot be read as it was written.
    static final int UNREADABLE = 11;
    /// Coordinator to rank, in drills alone: the disk refuses so many checkpoints from now on.
    static final int FULL = 12;
    /// Rank to coordinator: what stands fixed about the model, as JSON.
    static final int ABOUT = 10;

    /// Rank to rank: write your part of the checkpoint of this step, in this generation.
    static final int WANT = 13;
    /// Rank to rank: what has become of the part that was wanted, as JSON.
    static final int WRITTEN = 14;
    /// Rank to rank: the part that was wanted is being written.
    static final int WRITING = 15;

    private Wire() {}

    static Message text(int kind, String text) {
        return new Message(kind, new byte[0], MemorySegment.ofArray(text.getBytes(StandardCharsets.UTF_8)));
    }

    static String text(Message message) {
        return new String(message.body().toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
    }

    static Message numbers(int kind, long... numbers) {
        var head = ByteBuffer.allocate(8 * numbers.length);
        for (long number : numbers) {
            head.putLong(number);
        }
        return Message.of(kind, head.array());
    }

    /// The number at place `index`; 0 where there is none.
    static long number(Message message, int index) {
        return message.head().length < 8 * (index + 1) ? 0 : ByteBuffer.wrap(message.head()).getLong(8 * index);
    }
}
