package dev.xiaolu.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.xiaolu.op.HyperCollapse;
import dev.xiaolu.op.HyperCollapseGrad;
import dev.xiaolu.op.HyperExpand;
import dev.xiaolu.op.HyperExpandGrad;
import dev.xiaolu.op.HyperMix;
import dev.xiaolu.op.HyperMixGrad;
import dev.xiaolu.op.Numerics;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;

/// Starting, reading, writing and mixing the streams of hyper-connections, and their gradients: token by token.
final class HyperStreamKernels {
    /// Elements of streams below which a second thread is not worth waking.
    private static final long GRAIN = 4096;

    private final Workers workers;

    HyperStreamKernels(Workers workers) {
        this.workers = workers;
    }

    void expand(HyperExpand op, Tensor[] in, Tensor[] out) {
        Tensor x = in[0];
        long hidden = x.shape().last();
        share(out[0], (from, to) -> {
            for (long token = from; token < to; token++) {
                long at = 4 * x.offsetOf(token * hidden);
                for (long s = token * op.streams(); s < (token + 1) * op.streams(); s++) {
                    MemorySegment.copy(x.data(), at, out[0].data(), 4 * s * hidden, 4 * hidden);
                }
            }
        });
    }

    void expandGradient(HyperExpandGrad op, Tensor[] in, Tensor[] out) {
        int n = (int) in[0].shape().axis(-2);
        long hidden = in[0].shape().last();
        share(in[0], (from, to) -> {
            long[] streams = new long[n];
            for (long token = from; token < to; token++) {
                positions(in[0], token, n, streams);
                Chains.addLoop(in[0].data(), streams, n, out[0].data(), 4 * token * hidden, hidden);
            }
        });
    }

    void collapse(HyperCollapse op, Tensor[] in, Tensor[] out) {
        Tensor pre = in[0];
        Tensor x = in[1];
        int n = (int) pre.shape().last();
        long hidden = x.shape().last();
        if (HyperStreamCode.fits(n, in)) {
            share(x, (from, to) -> HyperStreamCode.collapse(in, out[0], hidden, from, to));
            Reference.reachabilityFence(in);
            return;
        }
        share(x, (from, to) -> {
            float[] gates = new float[n];
            long[] streams = new long[n];
            for (long token = from; token < to; token++) {
                copy(pre, token, n, gates);
                positions(x, token, n, streams);
                if (FourStreams.fits(n, hidden)) {
                    FourStreams.chainLoop(x.data(), streams[0], 4 * x.stride(-2), gates, 0, out[0].data(), 4 * token * hidden, hidden);
                } else {
                    Chains.fmaLoop(x.data(), streams, n, gates, 0, 1, out[0].data(), 4 * token * hidden, hidden);
                }
            }
        });
    }

    void collapseGradients(HyperCollapseGrad op, Tensor[] in, Tensor[] out) {
        Tensor pre = in[0];
        Tensor x = in[1];
        Tensor du = in[2];
        int n = (int) pre.shape().last();
        long hidden = x.shape().last();
        if (HyperStreamCode.fits(n, in)) {
            share(x, (from, to) -> HyperStreamCode.collapseGradients(in, out, hidden, from, to));
            Reference.reachabilityFence(in);
            return;
        }
        share(x, (from, to) -> {
            float[] gates = new float[n];
            long[] streams = new long[n];
            float[] lanes = new float[n * Numerics.LANES];
            boolean four = FourStreams.fits(n, hidden);
            for (long token = from; token < to; token++) {
                copy(pre, token, n, gates);
                positions(x, token, n, streams);
                long atDu = 4 * du.offsetOf(token * hidden);
                if (four) {
                    FourStreams.productLoop(du.data(), atDu, x.data(), streams[0], 4 * x.stride(-2), hidden, lanes, 0);
                    FourStreams.halve(lanes, n);
                }
                for (int s = 0; s < n; s++) {
                    out[0].data().set(JAVA_FLOAT, 4 * (token * n + s), four ? lanes[s * Numerics.LANES] : RowSums.productLoop(du.data(), atDu, x.data(), streams[s], hidden, lanes));
                    Chains.scaleLoop(gates[s], du.data(), atDu, out[1].data(), 4 * (token * n + s) * hidden, hidden);
                }
            }
        });
    }

    void mix(HyperMix op, Tensor[] in, Tensor[] out) {
        Tensor x = in[0];
        Tensor y = in[1];
        int n = (int) in[2].shape().last();
        long hidden = x.shape().last();
        if (HyperStreamCode.fits(n, in)) {
            share(x, (from, to) -> HyperStreamCode.mix(in, out[0], hidden, from, to));
            Reference.reachabilityFence(in);
            return;
        }
        share(x, (from, to) -> {
            float[] post = new float[n];
            float[] comb = new float[n * n];
            long[] streams = new long[n];
            for (long token = from; token < to; token++) {
                copy(in[2], token, n, post);
                matrix(in[3], token, n, comb);
                if (FourStreams.fits(n, hidden)) {
                    FourStreams.mixLoop(x.data(), 4 * x.offsetOf(token * n * hidden), 4 * x.stride(-2), y.data(), 4 * y.offsetOf(token * hidden), post, comb, out[0].data(), 4 * token * n * hidden, hidden);
                    continue;
                }
                positions(x, token, n, streams);
                for (int k = 0; k < n; k++) {
                    Chains.fmaLoop(post[k], y.data(), 4 * y.offsetOf(token * hidden), x.data(), streams, n, comb, k, n, out[0].data(), 4 * (token * n + k) * hidden, hidden);
                }
            }
        });
    }

    void mixGradients(HyperMixGrad op, Tensor[] in, Tensor[] out) {
        Tensor x = in[0];
        Tensor y = in[1];
        MemorySegment dmixed = in[4].data();
        int n = (int) in[2].shape().last();
        long hidden = x.shape().last();
        if (HyperStreamCode.fits(n, in)) {
            share(x, (from, to) -> HyperStreamCode.mixGradients(in, out, hidden, from, to));
            Reference.reachabilityFence(in);
            return;
        }
        share(x, (from, to) -> {
            float[] post = new float[n];
            float[] comb = new float[n * n];
            long[] streams = new long[n];
            long[] mixed = new long[n];
            float[] lanes = new float[n * Numerics.LANES];
            for (long token = from; token < to; token++) {
                copy(in[2], token, n, post);
                matrix(in[3], token, n, comb);
                if (FourStreams.fits(n, hidden)) {
                    mixGradients(in, post, comb, lanes, token, out);
                    continue;
                }
                positions(x, token, n, streams);
                positions(in[4], token, n, mixed);
                long atY = 4 * y.offsetOf(token * hidden);
                Chains.fmaLoop(dmixed, mixed, n, post, 0, 1, out[1].data(), 4 * token * hidden, hidden);
                for (int j = 0; j < n; j++) {
                    long stream = token * n + j;
                    Chains.fmaLoop(dmixed, mixed, n, comb, j * n, 1, out[0].data(), 4 * stream * hidden, hidden);
                    out[2].data().set(JAVA_FLOAT, 4 * stream, RowSums.productLoop(dmixed, mixed[j], y.data(), atY, hidden, lanes));
                    for (int k = 0; k < n; k++) {
                        out[3].data().set(JAVA_FLOAT, 4 * (stream * n + k), RowSums.productLoop(dmixed, mixed[k], x.data(), streams[j], hidden, lanes));
                    }
                }
            }
        });
    }

    /// The gradients of one token of four streams.
    private static void mixGradients(Tensor[] in, float[] post, float[] comb, float[] lanes, long token, Tensor[] out) {
        int n = FourStreams.STREAMS;
        Tensor x = in[0];
        MemorySegment dmixed = in[4].data();
        long hidden = x.shape().last();
        long atY = 4 * in[1].offsetOf(token * hidden);
        long atX = 4 * x.offsetOf(token * n * hidden);
        long stepX = 4 * x.stride(-2);
        long atMixed = 4 * in[4].offsetOf(token * n * hidden);
        long stepMixed = 4 * in[4].stride(-2);
        for (int j = -1; j < n; j++) {                           // y first, then the streams
            if (j < 0) {
                FourStreams.productLoop(in[1].data(), atY, dmixed, atMixed, stepMixed, hidden, lanes, 0);
            } else {
                FourStreams.productLoop(x.data(), atX + j * stepX, dmixed, atMixed, stepMixed, hidden, lanes, 0);
            }
            FourStreams.halve(lanes, n);
            for (int k = 0; k < n; k++) {
                out[j < 0 ? 2 : 3].data().set(JAVA_FLOAT, 4 * (j < 0 ? token * n + k : (token * n + j) * n + k), lanes[k * Numerics.LANES]);
            }
        }
        FourStreams.chainLoop(dmixed, atMixed, stepMixed, post, 0, out[1].data(), 4 * token * hidden, hidden);
        for (int j = 0; j < n; j++) {
            FourStreams.chainLoop(dmixed, atMixed, stepMixed, comb, j * n, out[0].data(), 4 * (token * n + j) * hidden, hidden);
        }
    }

    /// Shares out the tokens of `x [..., n, hidden]`.
    private void share(Tensor x, Workers.Job job) {
        long elements = Math.max(1, x.shape().axis(-2) * x.shape().last());
        workers.share(x.shape().rows() / x.shape().axis(-2), Math.max(1, GRAIN / elements), job);
    }

    /// Where each stream of a token starts.
    private static void positions(Tensor x, long token, int n, long[] into) {
        long start = 4 * x.offsetOf(token * n * x.shape().last());
        for (int s = 0; s < n; s++) {
            into[s] = start + 4 * s * x.stride(-2);
        }
    }

    /// One row of `n` gates.
    private static void copy(Tensor gates, long token, int n, float[] into) {
        MemorySegment.copy(gates.data(), JAVA_FLOAT, 4 * gates.offsetOf(token * n), into, 0, n);
    }

    private static void matrix(Tensor comb, long token, int n, float[] into) {
        long start = 4 * comb.offsetOf(token * n * n);
        for (int j = 0; j < n; j++) {
            MemorySegment.copy(comb.data(), JAVA_FLOAT, start + 4 * j * comb.stride(-2), into, j * n, n);
        }
    }
}
