package dev.xiaolu.rank;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.comm.Message;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a rank asks about experts and what it is answered, whole and spoilt.
class QuestionTest {
    private static final int PARTS = 2;
    private static final long FROM = 0xabc;
    // Where the words of a head lie.
    private static final int HOW = 24, LAYER = 32, PART = 36, COUNT = 40, OFFSETS = 44;

    @TempDir Path temp;

    /// Three rows for each expert of part 1 of layer 0.
    private static Question some(Shards shards, long how) {
        var stack = shards.layers().getFirst().stacks().getFirst();
        int[] offsets = new int[shards.firstExpert(stack, 2) - shards.firstExpert(stack, 1) + 1];
        Arrays.setAll(offsets, i -> 3 * i);
        return new Question(77, 5, how, new HeldExperts.Run(9, 0, 1, offsets));
    }

    private static Question read(byte[] head) {
        return Question.of(FROM, Message.of(Wire.ROWS, head));
    }

    private static long bytes(Question question, Shards shards) {
        return 4 * question.rows() * shards.layers().getFirst().stacks().getFirst().shape().last();
    }

    @Test void whatIsAskedIsReadAsItWasWritten() {
        SlotOfParts.with(temp, PARTS, slot -> {
            for (long how = 0; how < 8; how++) {
                Question asked = some(slot.shards, how);
                Question read = read(asked.head());
                assertEquals(77, read.number());
                assertEquals(5, read.generation());
                assertEquals(how, read.how());
                assertEquals(9, read.run().step());
                assertEquals(0, read.run().layer());
                assertEquals(1, read.run().part());
                assertArrayEquals(asked.run().offsets(), read.run().offsets());
                assertEquals((how & Question.BACKWARD) == 0 ? read.run().rows() : 2L * read.run().rows(), read.rows());
                read.fits(FROM, slot.shards, bytes(read, slot.shards));
            }
        });
    }

    @Test void headsThatAreNoneAreRefusedBySenderAndNumber() {
        SlotOfParts.with(temp, PARTS, slot -> {
            byte[] whole = some(slot.shards, 0).head();
            int last = whole.length - 4;
            refused(new byte[0], "rank 0000000000000abc asks with 0 bytes, wanted at least 44");
            refused(Arrays.copyOf(whole, 43), "43 bytes");
            refused(Arrays.copyOf(whole, last), "offsets of experts");
            refused(Arrays.copyOf(whole, whole.length + 2), "offsets of experts");
            refused(changed(whole, head -> head.putLong(HOW, 8)), "a pass of kind 8");
            refused(changed(whole, head -> head.putInt(COUNT, -1)), "-1 offsets");
            refused(changed(whole, head -> head.putInt(COUNT, Integer.MAX_VALUE)), "2147483647 offsets");
            refused(changed(whole, head -> head.putInt(OFFSETS, -3)), "rows from -3");
            refused(changed(whole, head -> head.putInt(OFFSETS + 4, Integer.MAX_VALUE)), "rows of expert 1 from 2147483647");
            refused(changed(whole, head -> head.putInt(last, Integer.MIN_VALUE)), "to -2147483648");
        });
    }

    @Test void whatAModelDoesNotHaveIsRefused() {
        SlotOfParts.with(temp, PARTS, slot -> {
            Question asked = some(slot.shards, Question.BACKWARD);
            long bytes = bytes(asked, slot.shards);
            byte[] whole = asked.head();
            for (int place : new int[] {LAYER, PART}) {
                for (int value : new int[] {-1, 1000, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
                    unfit(slot.shards, changed(whole, head -> head.putInt(place, value)), bytes, "there are 2 parts and " + slot.shards.layers().size() + " layers");
                }
            }
            for (long wrong : new long[] {0, bytes - 4, bytes + 4, bytes / 2}) {
                unfit(slot.shards, whole, wrong, "with " + wrong + " bytes");
            }
            int[] fewer = Arrays.copyOf(asked.run().offsets(), asked.run().offsets().length - 1);
            unfit(slot.shards, new Question(1, 1, 0, new HeldExperts.Run(1, 0, 1, fewer)).head(), bytes, "offsets for");
        });
    }

    @Test void anAnswerCountsOnceAndOnlyFromWhoWasAsked() {
        SlotOfParts.with(temp, PARTS, slot -> {
            var asked = new Asked(some(slot.shards, 0), FROM, 12);
            var waiting = new HashMap<Long, Asked>(Map.of(77L, asked));
            assertNull(Asked.answered(waiting, FROM, new Answer(76, new long[0])));
            var thrown = assertThrows(IllegalArgumentException.class, () -> Asked.answered(waiting, FROM + 1, new Answer(77, new long[0])));
            assertEquals("rank 0000000000000abd answers question 77, which rank 0000000000000abc was asked", thrown.getMessage());
            assertEquals(asked, Asked.answered(waiting, FROM, new Answer(77, new long[0])));
            assertNull(Asked.answered(waiting, FROM, new Answer(77, new long[0])));
        });
    }

    /// Bytes turned over at random: refused, or else a question that every loop over its rows can trust.
    @Test void spoiltHeadsAreRefusedOrHarmless() {
        long seed = 20261126;
        var random = new Random(seed);
        SlotOfParts.with(temp, PARTS, slot -> {
            Question asked = some(slot.shards, Question.BACKWARD);
            int refused = 0;
            for (int i = 0; i < 20_000; i++) {
                byte[] head = asked.head();
                for (int k = random.nextInt(1, 4); k > 0; k--) {
                    head[random.nextInt(head.length)] ^= (byte) random.nextInt(1, 256);
                }
                try {
                    Question read = read(head);
                    read.fits(FROM, slot.shards, bytes(asked, slot.shards));
                    int[] offsets = read.run().offsets();
                    for (int at = 1; at < offsets.length; at++) {
                        assertTrue(0 <= offsets[at - 1] && offsets[at - 1] <= offsets[at] && offsets[at] <= read.run().rows(), "seed " + seed);
                    }
                    assertEquals(bytes(asked, slot.shards), bytes(read, slot.shards));
                } catch (IllegalArgumentException _) {
                    refused++;
                }
            }
            assertTrue(refused > 5_000, refused + " of 20000 refused, seed " + seed);
        });
    }

    @Test void anAnswerIsReadAsItWasWritten() {
        for (long[] digests : new long[][] {{}, {3, -4}, {Long.MIN_VALUE, Long.MAX_VALUE, 0, 1}}) {
            Answer read = Answer.of(FROM, Message.of(Wire.ROWS_BACK, new Answer(-7, digests).head()));
            assertEquals(-7, read.number());
            assertArrayEquals(digests, read.digests());
        }
    }

    @Test void anAnswerThatIsNoRowOfWordsIsRefused() {
        byte[] whole = new Answer(7, new long[] {1, 2}).head();
        for (int length = 0; length < whole.length; length++) {
            byte[] cut = Arrays.copyOf(whole, length);
            if (length == 0 || length % Long.BYTES != 0) {
                String said = assertThrows(IllegalArgumentException.class, () -> Answer.of(FROM, Message.of(Wire.ROWS_BACK, cut))).getMessage();
                assertTrue(said.contains("rank 0000000000000abc answers with " + length + " bytes"), said);
            } else {
                assertEquals(length / Long.BYTES - 1, Answer.of(FROM, Message.of(Wire.ROWS_BACK, cut)).digests().length);
            }
        }
    }

    private static byte[] changed(byte[] head, Consumer<ByteBuffer> change) {
        byte[] copy = head.clone();
        change.accept(ByteBuffer.wrap(copy));
        return copy;
    }

    private static void refused(byte[] head, String part) {
        String said = assertThrows(IllegalArgumentException.class, () -> read(head)).getMessage();
        assertTrue(said.contains(part), said);
    }

    private static void unfit(Shards shards, byte[] head, long bytes, String part) {
        Question read = read(head);
        String said = assertThrows(IllegalArgumentException.class, () -> read.fits(FROM, shards, bytes)).getMessage();
        assertTrue(said.contains(part), said);
    }
}
