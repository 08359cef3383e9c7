package dev.xiaolu.comm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/// The queues of a link, frame by frame, without threads.
class FramesTest {
    private static final RunKey KEY = RunKey.random();

    private static final class Nowhere implements Wire {
        @Override public int read(ByteBuffer into) {
            return -1;
        }

        @Override public void write(ByteBuffer from) {
            from.position(from.limit());
        }

        @Override public String remote() {
            return "nowhere";
        }

        @Override public void close() {}
    }

    private static Connection connection() {
        return new Connection(new Nowhere(), KEY.derive(new byte[] {1}), KEY.derive(new byte[] {2}));
    }

    private static Connection.Arrived arrived(int type, long sequence, int kind, int headBytes, long bodyBytes, int restBytes) {
        ByteBuffer payload = ByteBuffer.allocate(16 + restBytes).order(ByteOrder.LITTLE_ENDIAN).putInt(kind).putInt(headBytes).putLong(bodyBytes).rewind();
        return new Connection.Arrived(type, sequence, payload);
    }

    private static Outbox outbox() {
        return new Outbox(new ChunkPool(1 << 20), 1 << 26, 1_000_000_000_000L);
    }

    private static Message message(int bytes) {
        return new Message(1, new byte[0], MemorySegment.ofArray(new byte[bytes]));
    }

    @Test void progressIsNeverSentTwiceBeforeAWaitingMessage() throws IOException {
        Outbox outbox = outbox();
        Inbox inbox = new Inbox();
        Connection connection = connection();
        outbox.send(message(10));
        outbox.send(message(10));
        List<Integer> types = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            outbox.progressDue();                                        // much comes in
            types.add(outbox.next(connection, inbox).type());
        }
        assertEquals(List.of(Frame.PROGRESS, Frame.SMALL, Frame.PROGRESS, Frame.SMALL, Frame.PROGRESS), types);
    }

    @Test void smallMessagesOvertakeALargeOneButDoNotStarveIt() throws IOException {
        Outbox outbox = outbox();
        Connection connection = connection();
        outbox.send(message((1 << 20) + 1));
        for (int i = 0; i < 5; i++) {
            outbox.send(message(600_000));
        }
        List<Integer> types = new ArrayList<>();
        for (int i = 0; i < 7; i++) {
            types.add(outbox.next(connection, new Inbox()).type());
        }
        assertEquals(List.of(Frame.SMALL, Frame.SMALL, Frame.CHUNK, Frame.SMALL, Frame.SMALL, Frame.CHUNK, Frame.SMALL), types);
    }

    @Test void whatWasNotConfirmedIsSentAgainInOrder() throws IOException {
        Outbox outbox = outbox();
        Connection connection = connection();
        for (int i = 0; i < 4; i++) {
            outbox.send(message(10));
        }
        for (int i = 0; i < 3; i++) {
            outbox.next(connection, new Inbox());
        }
        assertTrue(outbox.resume(new Frame.Progress(1, 0, 0)), "confirming one is news");
        assertFalse(outbox.confirm(new Frame.Progress(1, 0, 0)), "the same again is none");
        for (long sequence = 2; sequence <= 4; sequence++) {
            assertEquals(sequence, outbox.next(connection, new Inbox()).sequence());
        }
        assertThrows(IOException.class, () -> outbox.confirm(new Frame.Progress(5, 0, 0)), "five were confirmed, four sent");
    }

    @Test void announcedSizesAreRefusedBeforeMemoryIsTaken() throws IOException {
        Inbox inbox = new Inbox();
        Connection connection = connection();
        inbox.own(connection);
        // a small message that announces more, or less, than it has; sizes beyond the limits; negative ones
        for (Connection.Arrived hostile : List.of(arrived(Frame.SMALL, 1, 0, 0, 4L << 30, 10), arrived(Frame.SMALL, 1, 0, 0, 5, 10), arrived(Frame.SMALL, 1, 0, 20, 0, 10),
                arrived(Frame.CHUNK, 1, 0, 0, (4L << 30) + 1, 10), arrived(Frame.CHUNK, 1, 0, Message.MAX_HEAD_BYTES + 1, 5, 10), arrived(Frame.CHUNK, 1, 0, -1, 5, 10),
                arrived(Frame.CHUNK, 1, 0, 0, -1, 10), arrived(Frame.CHUNK, 1, 0, 0, Long.MIN_VALUE, 10), arrived(Frame.CHUNK, 1, 0, 0, 5, 10))) {
            assertThrows(IOException.class, () -> inbox.accept(connection, hostile));
        }
        assertEquals(new Frame.Progress(0, 0, 0), inbox.progress());
        inbox.accept(connection, arrived(Frame.SMALL, 1, 7, 4, 6, 10));
        assertEquals(new Frame.Progress(1, 0, 0), inbox.progress());
    }

    @Test void frameOfAnEarlierConnectionOrOutOfOrderIsNotTaken() throws IOException {
        Inbox inbox = new Inbox();
        Connection earlier = connection(), now = connection();
        inbox.own(earlier);
        inbox.own(now);
        assertThrows(IOException.class, () -> inbox.accept(earlier, arrived(Frame.SMALL, 1, 7, 0, 0, 0)));
        assertThrows(IOException.class, () -> inbox.accept(now, arrived(Frame.SMALL, 2, 7, 0, 0, 0)));
        inbox.accept(now, arrived(Frame.SMALL, 1, 7, 0, 0, 0));
        inbox.accept(now, arrived(Frame.SMALL, 1, 7, 0, 0, 0));           // once more: counted once
        assertEquals(1, inbox.progress().small());
    }
}
