package dev.xiaolu.consensus;

import static dev.xiaolu.platform.Check.check;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Function;

/// Numbers, bytes and lists one after the other, little-endian; written by [Out], read by [In], which believes no length before it has looked whether so much can be there.
final class Bytes {
    private Bytes() {}

    /// Grows as needed. Not thread-safe.
    static final class Out {
        private ByteBuffer bytes = buffer(new byte[128]);

        private static ByteBuffer buffer(byte[] array) {
            return ByteBuffer.wrap(array).order(ByteOrder.LITTLE_ENDIAN);
        }

        private ByteBuffer room(int size) {
            if (bytes.remaining() < size) {
                int position = bytes.position();
                bytes = buffer(Arrays.copyOf(bytes.array(), Math.max(position + size, 2 * position))).position(position);
            }
            return bytes;
        }

        Out put(int value) {
            room(4).putInt(value);
            return this;
        }

        Out put(long value) {
            room(8).putLong(value);
            return this;
        }

        Out put(boolean value) {
            room(1).put((byte) (value ? 1 : 0));
            return this;
        }

        Out put(byte[] value) {
            put(value.length);
            room(value.length).put(value);
            return this;
        }

        Out put(String value) {
            return put(value.getBytes(StandardCharsets.UTF_8));
        }

        <T> Out list(Collection<? extends T> values, BiConsumer<Out, T> write) {
            put(values.size());
            values.forEach(value -> write.accept(this, value));
            return this;
        }

        int size() {
            return bytes.position();
        }

        byte[] array() {
            return Arrays.copyOf(bytes.array(), bytes.position());
        }
    }

    /// Reads what may come from anywhere; what cannot be is an [IllegalArgumentException] or a [java.nio.BufferUnderflowException]. Not thread-safe.
    static final class In {
        private final ByteBuffer bytes;

        In(ByteBuffer bytes) {
            this.bytes = bytes.order(ByteOrder.LITTLE_ENDIAN);
        }

        In(byte[] bytes) {
            this(ByteBuffer.wrap(bytes));
        }

        int peek() {
            check(bytes.remaining() >= 4, "message of the log: %d bytes, wanted at least 4", bytes.remaining());
            return bytes.getInt(bytes.position());
        }

        int anyInt() {
            return bytes.getInt();
        }

        long anyLong() {
            return bytes.getLong();
        }

        /// A number from 0 to `most`.
        int number(int most) {
            int value = bytes.getInt();
            check(value >= 0 && value <= most, "message of the log: found %d, wanted 0 to %d", value, most);
            return value;
        }

        /// A number from 0 on.
        long number() {
            long value = bytes.getLong();
            check(value >= 0, "message of the log: found %d, wanted no negative number", value);
            return value;
        }

        boolean flag() {
            byte value = bytes.get();
            check(value == 0 || value == 1, "message of the log: found %d, wanted 0 or 1", value);
            return value == 1;
        }

        byte[] array(int most) {
            byte[] value = new byte[number(Math.min(most, Math.max(0, bytes.remaining() - 4)))];
            bytes.get(value);
            return value;
        }

        String string(int most) {
            return new String(array(most), StandardCharsets.UTF_8);
        }

        <T> List<T> list(int most, Function<In, T> read) {
            int count = number(most);
            var list = new ArrayList<T>();                               // grows with what is there, not with what is said
            for (int i = 0; i < count; i++) {
                list.add(read.apply(this));
            }
            return list;
        }

        byte[] rest() {
            byte[] rest = new byte[bytes.remaining()];
            bytes.get(rest);
            return rest;
        }

        void end() {
            check(!bytes.hasRemaining(), "message of the log: %d bytes are left over, wanted the end", bytes.remaining());
        }
    }
}
