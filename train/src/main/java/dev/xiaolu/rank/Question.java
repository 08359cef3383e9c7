package dev.xiaolu.rank;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.comm.Message;
import java.nio.ByteBuffer;

/// What a rank asks of the one that has a part of a layer's experts, as the head of a message of kind [Wire#ROWS]: its number, the generation it belongs to, which pass it is, whose rows they are and where each expert's begin.
/// The body holds the rows, each of the layer's width; on the way back their gradients behind them.
///
/// Whoever sends has the run's key, so a head that does not fit is a fault of a program, not of a user; it is refused before anything is read by it.
record Question(long number, long generation, long how, HeldExperts.Run run) {
    /// Bits of `how`: on the way back; of a leaf whose gradients are digested; for comparison only, added to no sum.
    static final long BACKWARD = 1, APART = 2, CHECK = 4;

    private static final int BYTES = 4 * Long.BYTES + 3 * Integer.BYTES;

    byte[] head() {
        var head = ByteBuffer.allocate(BYTES + Integer.BYTES * run.offsets().length).putLong(number).putLong(generation).putLong(run.step()).putLong(how)
                .putInt(run.layer()).putInt(run.part()).putInt(run.offsets().length);
        for (int offset : run.offsets()) {
            head.putInt(offset);
        }
        return head.array();
    }

    /// Reads what `from` asks; refuses a head whose length, offsets or bits are none. Whether there is such a layer and such a part is for [#fits] to say, once the question's generation has begun.
    static Question of(long from, Message message) {
        ByteBuffer head = ByteBuffer.wrap(message.head());
        check(head.remaining() >= BYTES, "rank %016x asks with %d bytes, wanted at least %d", from, head.remaining(), BYTES);
        long number = head.getLong(), generation = head.getLong(), step = head.getLong(), how = head.getLong();
        check((how & ~(BACKWARD | APART | CHECK)) == 0, "rank %016x asks for a pass of kind %d, wanted 0 to 7", from, how);
        int layer = head.getInt(), part = head.getInt(), count = head.getInt();
        check(count > 1 && count == head.remaining() / Integer.BYTES && head.remaining() % Integer.BYTES == 0, "rank %016x asks with %d offsets of experts, and %d bytes of them", from, count, head.remaining());
        int[] offsets = new int[count];
        head.asIntBuffer().get(offsets);
        check(offsets[0] == 0 && offsets[count - 1] > 0, "rank %016x asks with rows from %d to %d, wanted them from 0 on and at least one", from, offsets[0], offsets[count - 1]);
        for (int i = 1; i < count; i++) {
            check(offsets[i - 1] <= offsets[i], "rank %016x asks with rows of expert %d from %d to %d", from, i - 1, offsets[i - 1], offsets[i]);
        }
        return new Question(number, generation, how, new HeldExperts.Run(step, layer, part, offsets));
    }

    /// Refuses a layer or part that a model does not have, and a body that does not hold the rows.
    void fits(long from, Shards shards, long bodyBytes) {
        int layers = shards.layers().size(), parts = shards.parts();
        check(run.layer() >= 0 && run.layer() < layers && run.part() >= 0 && run.part() < parts, "rank %016x asks for part %d of layer %d, there are %d parts and %d layers", from, run.part(), run.layer(), parts, layers);
        Parameter stack = shards.layers().get(run.layer()).stacks().getFirst();
        int experts = shards.firstExpert(stack, run.part() + 1) - shards.firstExpert(stack, run.part());
        check(run.offsets().length == experts + 1, "rank %016x asks with %d offsets for %d experts", from, run.offsets().length, experts);
        long hidden = stack.shape().last();
        check(bodyBytes == Float.BYTES * rows() * hidden, "rank %016x asks for %d rows of %d with %d bytes", from, rows(), hidden, bodyBytes);
    }

    /// Rows of the body: with their gradients twice as many as there are tokens.
    long rows() {
        return back() ? 2L * run.rows() : run.rows();
    }

    boolean back() {
        return (how & BACKWARD) != 0;
    }

    boolean apart() {
        return (how & APART) != 0;
    }

    /// Whether the gradients of weights go into the sums.
    boolean counts() {
        return (how & CHECK) == 0;
    }
}
