package dev.xiaolu.cpu;

import static java.lang.foreign.ValueLayout.ADDRESS;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/// One thread's use of a [LaneLoop]: where its tensors lie and what its factors are, which stay from one run to the next.
final class LaneCall {
    /// Elements of one piece of work: less than a millisecond, in which the collector may have to wait.
    private static final long PIECE = 1 << 16;
    /// Elements that a row costs at least, for its sums and its last lanes.
    private static final long LEAST = 64;
    private static final MethodHandle CALL = MachineCode.handle(FunctionDescriptor.ofVoid(ADDRESS));

    private final LaneLoop loop;
    private final long[] places;
    private final long[] words;
    private final MemorySegment segment;

    LaneCall(LaneLoop loop) {
        this.loop = loop;
        places = new long[loop.tensors];
        words = new long[LaneCode.PLACES + 2 * loop.tensors + loop.factors];
        segment = MemorySegment.ofArray(words);
    }

    /// The address of a tensor's first element.
    LaneCall place(int tensor, long address) {
        places[tensor] = address;
        return this;
    }

    /// Bytes from one row of a tensor to the next.
    LaneCall stride(int tensor, long bytes) {
        words[LaneCode.PLACES + loop.tensors + tensor] = bytes;
        return this;
    }

    /// A scalar of the expression.
    LaneCall factor(int number, float value) {
        words[LaneCode.PLACES + 2 * loop.tensors + number] = Float.floatToRawIntBits(value);
        return this;
    }

    /// All scalars of the expression.
    LaneCall factors(float... values) {
        for (int i = 0; i < values.length; i++) {
            factor(i, values[i]);
        }
        return this;
    }

    /// Runs over so many elements.
    ///
    /// @return elements done: all of them, unless the expression left before
    long run(long count) {
        for (long done = 0; done < count; done += PIECE) {
            long now = Math.min(PIECE, count - done);
            words[LaneCode.COUNT] = now;
            words[LaneCode.ROWS] = 1;
            for (int i = 0; i < places.length; i++) {
                words[LaneCode.PLACES + i] = places[i] + done * loop.elementBytes(i);
            }
            call();
            if (words[LaneCode.COUNT] < now) {
                return done + words[LaneCode.COUNT];
            }
        }
        return count;
    }

    /// Runs over rows of so many elements, a whole row at a time, up to some hundred thousand. The expression must not leave.
    void rows(long rows, long count) {
        long most = Math.max(1, PIECE / Math.max(LEAST, count));
        for (long done = 0; done < rows; done += most) {
            words[LaneCode.COUNT] = count;
            words[LaneCode.ROWS] = Math.min(most, rows - done);
            for (int i = 0; i < places.length; i++) {
                words[LaneCode.PLACES + i] = places[i] + done * words[LaneCode.PLACES + places.length + i];
            }
            call();
        }
    }

    private void call() {
        try {
            CALL.invokeExact(loop.code, segment);
        } catch (Throwable thrown) {
            throw MachineCode.unchecked(thrown);
        }
    }
}
