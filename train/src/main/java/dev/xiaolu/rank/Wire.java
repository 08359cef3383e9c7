package dev.xiaolu.rank;

import dev.xiaolu.comm.Message;
import dev.xiaolu.consensus.Steering.Numbered;
import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Lines;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/// The kinds of messages between ranks and the replicas of their coordinator, and how they are written. Kinds from 0x7E00 on are the transport's, 0x0109 is the log's.
final class Wire {
    /// Rank to a replica: its number among the events of this rank; the event, as a line of [Lines].
    static final int EVENT = 1;
    /// Leader to rank: index and place, by which it is known when it comes twice; the order as such a line, and after a save's the chain of digests up to its step.
    static final int ORDER = 2;
    /// Rank to a replica: sign of life; how much it has done, and how long a leaf took. Replica to leader: sign of life alone.
    static final int BEAT = 3;
    /// Rank to rank: what I own of this step is made, in this generation.
    static final int MADE = 4;
    /// Leader to rank: look at held-out text, and write, after this committed step.
    static final int LOOK = 5;
    /// Leader to rank: you have no part in this run, and why.
    static final int FAREWELL = 8;
    /// Launching process to rank, in drills alone: turn over this bit of the next gradient that is computed to be compared.
    static final int FLIP = 9;
    /// Launching process to rank, in drills alone: the disk refuses so many checkpoints from now on.
    static final int FULL = 12;
    /// Launching process to rank, in drills alone: the wall clock leaps by so many milliseconds.
    static final int LEAP = 16;
    /// Leader to rank, as an answer to a sign of life: up to this number your events count.
    static final int HEARD = 17;
    /// Replica to rank: who leads, and in which term; the replicas, a line for each.
    static final int LEADS = 18;
    /// Leader, or the launching process at the beginning, to rank: be a replica of the coordinator, as this [Charter] says.
    static final int SERVE = 19;
    /// Leader to the other replicas: the run is over and everything is written; go.
    static final int CLOSED = 20;
    /// Rank to rank: rows of tokens for experts that lie there, see [Exchange].
    static final int ROWS = 32;
    /// Rank to rank: what these experts made of them.
    static final int ROWS_BACK = 33;

    /// Rank to rank: write your part of the checkpoint of this step, in this generation.
    static final int WANT = 13;
    /// Rank to rank: what has become of the part that was wanted, as JSON.
    static final int WRITTEN = 14;
    /// Rank to rank: the part that was wanted is being written.
    static final int WRITING = 15;

    private Wire() {}

    static Message text(int kind, String text) {
        return new Message(kind, new byte[0], bytes(text));
    }

    private static MemorySegment bytes(String text) {
        return MemorySegment.ofArray(text.getBytes(StandardCharsets.UTF_8));
    }

    static String text(Message message) {
        return new String(message.body().toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
    }

    static Message numbers(int kind, long... numbers) {
        return numbered(kind, "", numbers);
    }

    /// A text and numbers before it.
    static Message numbered(int kind, String text, long... numbers) {
        var head = ByteBuffer.allocate(8 * numbers.length);
        for (long number : numbers) {
            head.putLong(number);
        }
        return text.isEmpty() ? Message.of(kind, head.array()) : new Message(kind, head.array(), bytes(text));
    }

    /// An order under its number; `chain` goes with a save.
    static Message order(Numbered order, String chain) {
        return numbered(ORDER, Lines.of(order.action()) + (order.action() instanceof Action.Save ? "\n" + chain : ""), order.index(), order.place());
    }

    /// The number at place `index`; 0 where there is none.
    static long number(Message message, int index) {
        return message.head().length < 8 * (index + 1) ? 0 : ByteBuffer.wrap(message.head()).getLong(8 * index);
    }
}
