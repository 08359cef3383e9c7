package dev.xiaolu.tensor;

import static dev.xiaolu.op.Numerics.LEAF;
import static dev.xiaolu.tensor.ReferenceJointAttention.at;
import static dev.xiaolu.tensor.ReferenceJointAttention.base;
import static dev.xiaolu.tensor.ReferenceJointAttention.greater;
import static dev.xiaolu.tensor.ReferenceJointAttention.set;
import static java.lang.Math.fma;

import dev.xiaolu.op.Compress;
import dev.xiaolu.op.CompressGrad;

/// The definition of compression and of its gradients: each entry and channel by itself.
final class ReferenceCompress {
    private ReferenceCompress() {}

    /// What one channel of one entry pools: its greatest gate, the sum of exponentials, the weighted content.
    private record Pool(float m, float l, float o) {}

    static void run(Compress op, Tensor[] in, Tensor[] out) {
        PooledWindows windows = PooledWindows.of(op, in, 3);
        long channels = out[0].shape().last();
        long index = 0;
        for (long sequence = 0; sequence < out[0].shape().axis(0); sequence++) {
            for (long entry = 0; entry < out[0].shape().axis(1); entry++) {
                for (long channel = 0; channel < channels; channel++) {
                    Pool pool = pool(windows, in, sequence, entry, channel, channels);
                    set(out[0], index++, pool.o * (1 / pool.l));
                }
            }
        }
    }

    /// Negative slots are tokens of the window before.
    private static Pool pool(PooledWindows windows, Tensor[] in, long sequence, long entry, long channel, long channels) {
        Compress op = windows.op();
        long window = windows.window(entry);
        int first = -windows.before(sequence, entry);
        float m = Float.NEGATIVE_INFINITY;
        for (int slot = first; slot < op.ratio(); slot++) {
            m = greater(m, gate(op, in, sequence, window, slot, column(op, slot, channel, channels)));
        }
        float l = 0;
        float o = 0;
        for (int slot = first; slot < op.ratio(); slot++) {
            long column = column(op, slot, channel, channels);
            float p = Elementary.exp(gate(op, in, sequence, window, slot, column) - base(m));
            l += p;
            o = fma(p, at(in[0], sequence, window * op.ratio() + slot, column), o);
        }
        return new Pool(m, l, o);
    }

    private static float gate(Compress op, Tensor[] in, long sequence, long window, int slot, long column) {
        return at(in[1], sequence, window * op.ratio() + slot, column) + at(in[2], Math.floorMod(slot, op.ratio()), column);
    }

    /// With overlap the second half of the channels is for the token's own window.
    private static long column(Compress op, int slot, long channel, long channels) {
        return op.overlap() && slot >= 0 ? channels + channel : channel;
    }

    static void run(CompressGrad op, Tensor[] in, Tensor[] out) {
        var forward = new Compress(op.ratio(), op.overlap(), op.continued());
        PooledWindows windows = PooledWindows.of(forward, in, 4);
        Tensor dy = in[3];
        long tokens = in[0].shape().axis(1);
        long columns = in[0].shape().last();
        long channels = dy.shape().last();
        for (long i = 0; i < in[0].shape().size(); i++) {
            set(out[0], i, 0);
            set(out[1], i, 0);
        }
        for (long sequence = 0; sequence < dy.shape().axis(0); sequence++) {
            for (long entry = 0; entry < dy.shape().axis(1); entry++) {
                long window = windows.window(entry);
                for (long channel = 0; channel < channels; channel++) {
                    Pool pool = pool(windows, in, sequence, entry, channel, channels);
                    float r = 1 / pool.l;
                    float d = at(dy, sequence, entry, channel);
                    float delta = d * (pool.o * r);
                    for (int slot = -windows.before(sequence, entry); slot < op.ratio(); slot++) {
                        long column = column(forward, slot, channel, channels);
                        long token = window * op.ratio() + slot;
                        float p = Elementary.exp(gate(forward, in, sequence, window, slot, column) - base(pool.m)) * r;
                        set(out[0], (sequence * tokens + token) * columns + column, p * d);
                        set(out[1], (sequence * tokens + token) * columns + column, p * (d * at(in[0], sequence, token, column) - delta));
                    }
                }
            }
        }
        sumWindows(op, in[0].shape().axis(0) / op.leaves(), tokens, columns, out[1], out[2]);
    }

    private static void sumWindows(CompressGrad op, long sequences, long tokens, long columns, Tensor dgate, Tensor dbias) {
        long perSequence = tokens / op.ratio();
        int windows = Math.toIntExact(sequences * perSequence);
        float[] sums = new float[(windows + LEAF - 1) / LEAF];
        for (long leaf = 0; leaf < op.leaves(); leaf++) {
            for (long slot = 0; slot < op.ratio(); slot++) {
                for (long column = 0; column < columns; column++) {
                    java.util.Arrays.fill(sums, 0);
                    for (int window = 0; window < windows; window++) {
                        long sequence = leaf * sequences + window / perSequence;
                        sums[window / LEAF] += at(dgate, sequence, window % perSequence * op.ratio() + slot, column);
                    }
                    set(dbias, (leaf * op.ratio() + slot) * columns + column, Sums.tree(sums, sums.length));
                }
            }
        }
    }
}
