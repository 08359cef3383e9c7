package dev.xiaolu.train;

import dev.xiaolu.platform.DiskException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.zip.CRC32C;

/// A TensorBoard event file: scalars and texts by step.
///
/// A record is its length as 8 bytes little-endian, the masked CRC-32C of these, the bytes of a protobuf `Event`, and their masked CRC-32C.
/// The few messages needed are encoded by hand. A resumed run starts a new file that says from which step on older files no longer count.
/// One thread at a time; open until [#close]. Source: `tensorflow/core/util/event.proto`, `summary.proto`, `lib/io/record_writer`.
public final class EventFile implements AutoCloseable {
    private static final int DT_STRING = 7;
    private static final int SESSION_START = 1;

    private final Path file;
    private final OutputStream out;

    private EventFile(Path file, OutputStream out) {
        this.file = file;
        this.out = out;
    }

    /// Starts a new file in `folder` for a run that goes on after step `done` (0: from the start); its name carries the time, as TensorBoard expects.
    public static EventFile start(Path folder, long done, long wallMillis) {
        Path file = folder.resolve("events.out.tfevents.%010d.xiaolu".formatted(wallMillis / 1000));
        for (int again = 1; Files.exists(file); again++) {
            file = folder.resolve(String.format(Locale.ROOT, "events.out.tfevents.%010d.xiaolu.%d", wallMillis / 1000, again));
        }
        try {
            var events = new EventFile(file, Files.newOutputStream(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE));
            events.write(event(wallMillis, 0).text(3, "brain.Event:2"));
            if (done > 0) {
                events.write(event(wallMillis, done + 1).message(7, new Message().number(1, SESSION_START)));
            }
            return events;
        } catch (IOException failed) {
            throw DiskException.of("create", file, String.valueOf(failed.getMessage()), failed);
        }
    }

    /// Adds one number.
    public void scalar(String tag, long step, double value, long wallMillis) {
        write(event(wallMillis, step).message(5, new Message().message(1, new Message().text(1, tag).float32(2, (float) value))));
    }

    /// Adds one text, which TensorBoard shows as Markdown.
    public void text(String tag, long step, String text, long wallMillis) {
        var metadata = new Message().message(1, new Message().text(1, "text"));
        var tensor = new Message().number(1, DT_STRING).message(2, new Message().message(2, new Message().number(1, 1))).text(8, text);
        write(event(wallMillis, step).message(5, new Message().message(1, new Message().text(1, tag).message(8, tensor).message(9, metadata))));
    }

    @Override public void close() {
        try {
            out.close();
        } catch (IOException failed) {
            throw DiskException.of("close", file, String.valueOf(failed.getMessage()), failed);
        }
    }

    private static Message event(long wallMillis, long step) {
        return new Message().float64(1, wallMillis / 1000.0).number(2, step);
    }

    private void write(Message event) {
        byte[] data = event.bytes();
        ByteBuffer header = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN).putLong(data.length);
        header.putInt(maskedCrc(header.array(), 8));
        ByteBuffer record = ByteBuffer.allocate(16 + data.length).order(ByteOrder.LITTLE_ENDIAN).put(header.array()).put(data).putInt(maskedCrc(data, data.length));
        try {
            out.write(record.array());
        } catch (IOException failed) {
            throw DiskException.of("write", file, String.valueOf(failed.getMessage()), failed);
        }
    }

    /// CRC-32C turned right by 15 bits, plus a constant: so that the checksum of data that holds checksums is not weak.
    static int maskedCrc(byte[] bytes, int length) {
        var crc = new CRC32C();
        crc.update(bytes, 0, length);
        return Integer.rotateRight((int) crc.getValue(), 15) + 0xA282EAD8;
    }

    /// A protobuf message in the making.
    private static final class Message {
        private final ByteArrayOutputStream out = new ByteArrayOutputStream();

        private Message tag(int field, int wire) {
            return varint((long) field << 3 | wire);
        }

        private Message varint(long value) {
            while ((value & ~0x7FL) != 0) {
                out.write((int) (value & 0x7F | 0x80));
                value >>>= 7;
            }
            out.write((int) value);
            return this;
        }

        Message number(int field, long value) {
            return tag(field, 0).varint(value);
        }

        Message float64(int field, double value) {
            tag(field, 1).out.writeBytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putDouble(value).array());
            return this;
        }

        Message float32(int field, float value) {
            tag(field, 5).out.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(value).array());
            return this;
        }

        Message text(int field, String text) {
            return raw(field, text.getBytes(StandardCharsets.UTF_8));
        }

        Message message(int field, Message message) {
            return raw(field, message.bytes());
        }

        private Message raw(int field, byte[] bytes) {
            tag(field, 2).varint(bytes.length).out.writeBytes(bytes);
            return this;
        }

        byte[] bytes() {
            return out.toByteArray();
        }
    }
}
