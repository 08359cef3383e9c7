package dev.xiaolu.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.xiaolu.op.ExpertLoad;
import dev.xiaolu.op.ExpertLookup;
import dev.xiaolu.op.RouterBiasStep;
import dev.xiaolu.shape.DType;
import dev.xiaolu.tensor.ChosenExperts;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// What a router does by tables: experts by a token's id, how often each was chosen, and the biases that follow from it.
final class RouterTableKernels {
    private static final long GRAIN = 64;

    private final Workers workers;

    RouterTableKernels(Workers workers) {
        this.workers = workers;
    }

    void lookup(ExpertLookup op, Tensor[] in, Tensor[] out) {
        Tensor table = in[0];
        Tensor ids = in[1];
        MemorySegment chosen = out[0].data();
        long vocab = table.shape().axis(0);
        int count = (int) table.shape().last();
        boolean wide = table.dtype() == DType.I64;
        workers.share(ids.shape().size(), GRAIN, (from, to) -> {
            int[] experts = new int[count];
            for (long row = from; row < to; row++) {
                int id = ids.data().getAtIndex(JAVA_INT, ids.offsetOf(row));
                if (id < 0 || id >= vocab) {
                    throw new IndexOutOfBoundsException("id " + id + " at position " + row + ", wanted 0 to " + (vocab - 1));
                }
                long at = id * table.stride(0);
                for (int k = 0; k < count; k++) {
                    long expert = wide ? table.data().getAtIndex(JAVA_LONG, at + k) : table.data().getAtIndex(JAVA_INT, at + k);
                    if (expert < 0 || expert > Integer.MAX_VALUE) {
                        throw new IndexOutOfBoundsException("expert " + expert + " of id " + id + ", wanted 0 to " + Integer.MAX_VALUE);
                    }
                    experts[k] = (int) expert;
                }
                Arrays.sort(experts);
                MemorySegment.copy(experts, 0, chosen, JAVA_INT, 4 * row * count, count);
            }
        });
    }

    /// One thread counts: sharing would cost more.
    void load(ExpertLoad op, Tensor[] in, Tensor[] out) {
        Tensor chosen = in[0];
        MemorySegment load = in[1].data();
        long experts = in[1].shape().size();
        long rows = chosen.shape().axis(0);
        long count = chosen.shape().last();
        for (long row = 0; row < rows; row++) {
            for (long k = 0; k < count; k++) {
                int expert = ChosenExperts.at(chosen, row, k, experts);
                load.setAtIndex(JAVA_LONG, expert, load.getAtIndex(JAVA_LONG, expert) + 1);
            }
        }
    }

    /// So few numbers that one thread moves them.
    void step(RouterBiasStep op, Tensor[] in, Tensor[] out) {
        MemorySegment bias = in[0].data();
        MemorySegment load = in[1].data();
        long experts = in[0].shape().size();
        long total = 0;
        for (long e = 0; e < experts; e++) {
            total += load.getAtIndex(JAVA_LONG, e);
        }
        for (long e = 0; e < experts; e++) {
            long ofExpert = experts * load.getAtIndex(JAVA_LONG, e);
            if (ofExpert != total) {
                bias.setAtIndex(JAVA_FLOAT, e, bias.getAtIndex(JAVA_FLOAT, e) + (ofExpert < total ? op.rate() : -op.rate()));
            }
        }
    }
}
