package dev.xiaolu.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Reads the file back with a reader of its own: records, checksums, and the fields of each message.
class EventFileTest {
    @TempDir Path folder;

    /// A protobuf message as its fields: numbers as Long, fixed ones as Double or Float, the rest as bytes.
    private static Map<Integer, Object> fields(byte[] bytes) {
        var fields = new TreeMap<Integer, Object>();
        ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        while (in.hasRemaining()) {
            int tag = (int) varint(in);
            fields.put(tag >>> 3, switch (tag & 7) {
                case 0 -> varint(in);
                case 1 -> in.getDouble();
                case 5 -> in.getFloat();
                case 2 -> {
                    byte[] part = new byte[(int) varint(in)];
                    in.get(part);
                    yield part;
                }
                default -> throw new AssertionError("wire type of tag " + tag);
            });
        }
        return fields;
    }

    private static long varint(ByteBuffer in) {
        long value = 0;
        for (int shift = 0;; shift += 7) {
            byte b = in.get();
            value |= (long) (b & 0x7F) << shift;
            if (b >= 0) {
                return value;
            }
        }
    }

    private static Map<Integer, Object> inside(Map<Integer, Object> fields, int... path) {
        for (int field : path) {
            fields = fields((byte[]) fields.get(field));
        }
        return fields;
    }

    private static String text(Object bytes) {
        return new String((byte[]) bytes, StandardCharsets.UTF_8);
    }

    private List<Map<Integer, Object>> events(Path file) throws Exception {
        ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        var events = new ArrayList<Map<Integer, Object>>();
        while (in.hasRemaining()) {
            byte[] head = new byte[8];
            in.get(in.position(), head);
            byte[] data = new byte[(int) in.getLong()];
            assertEquals(EventFile.maskedCrc(head, 8), in.getInt());
            in.get(data);
            assertEquals(EventFile.maskedCrc(data, data.length), in.getInt());
            events.add(fields(data));
        }
        return events;
    }

    private Path only() throws Exception {
        try (var files = Files.list(folder)) {
            return files.toList().getFirst();
        }
    }

    @Test void theMaskedChecksumIsTheOneOfTheFormat() {
        byte[] digits = "123456789".getBytes(StandardCharsets.US_ASCII);                     // CRC-32C e3069283
        assertEquals(Integer.rotateRight(0xE3069283, 15) + 0xA282EAD8, EventFile.maskedCrc(digits, digits.length));
    }

    @Test void scalarsAndTextsReadBack() throws Exception {
        try (var events = EventFile.start(folder, 0, 1_700_000_000_500L)) {
            events.scalar("train/loss", 300, 2.5, 1_700_000_001_250L);
            events.text("sample", 300, "class Ä {}", 1_700_000_002_000L);
        }
        assertEquals("events.out.tfevents.1700000000.xiaolu", only().getFileName().toString());
        List<Map<Integer, Object>> read = events(only());
        assertEquals(3, read.size());
        assertEquals("brain.Event:2", text(read.get(0).get(3)));
        assertEquals(1_700_000_001.25, read.get(1).get(1));
        assertEquals(300L, read.get(1).get(2));
        Map<Integer, Object> loss = inside(read.get(1), 5, 1);
        assertEquals("train/loss", text(loss.get(1)));
        assertEquals(2.5f, loss.get(2));
        Map<Integer, Object> sample = inside(read.get(2), 5, 1);
        assertEquals("class Ä {}", text(fields((byte[]) sample.get(8)).get(8)));
        assertEquals("text", text(inside(sample, 9, 1).get(1)));
    }

    @Test void aResumedRunSaysFromWhichStepOlderFilesNoLongerCount() throws Exception {
        EventFile.start(folder, 20, 1_700_000_000_000L).close();
        Map<Integer, Object> session = events(only()).get(1);
        assertEquals(21L, session.get(2));
        assertEquals(1L, inside(session, 7).get(1));
    }

    @Test void twoStartsInOneSecondMakeTwoFiles() throws Exception {
        EventFile.start(folder, 0, 1_700_000_000_000L).close();
        EventFile.start(folder, 0, 1_700_000_000_000L).close();
        try (var files = Files.list(folder)) {
            assertEquals(2, files.count());
        }
    }
}
