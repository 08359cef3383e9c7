package dev.xiaolu.cpu;

import dev.xiaolu.cpu.Lanes.Sum;
import dev.xiaolu.cpu.Lanes.Value;
import dev.xiaolu.tensor.Tensor;

/// What [HyperStreamKernels] does, for four streams that lie side by side, in machine code: a row of a loop is a token, and each element is read once or twice.
final class HyperStreamCode {
    private static final int STREAMS = FourStreams.STREAMS;
    /// Tokens that several loops pass over before the next ones: they stay in the second-level cache.
    private static final long BLOCK = 16;

    private HyperStreamCode() {}

    static boolean fits(int streams, Tensor... tensors) {
        boolean fits = MachineCode.available() && streams == STREAMS;
        for (Tensor tensor : tensors) {
            fits &= tensor.isContiguous();
        }
        return fits;
    }

    /// The tokens `from` to `to`: inputs `x, y, post, comb`.
    static void mix(Tensor[] in, Tensor mixed, long hidden, long from, long to) {
        LaneCall call = Code.MIX.call();
        streams(call, 0, in[0], hidden, from);
        row(call, 4, in[1], hidden, from);
        row(call, 5, in[2], STREAMS, from);
        row(call, 6, in[3], STREAMS * STREAMS, from);
        streams(call, 7, mixed, hidden, from);
        call.rows(to - from, hidden);
    }

    /// The tokens `from` to `to`: inputs `x, y, post, comb, dmixed`, outputs `dx, dy, dpost, dcomb`.
    static void mixGradients(Tensor[] in, Tensor[] out, long hidden, long from, long to) {
        LaneCall products = Code.PRODUCTS.call();
        LaneCall unmix = Code.UNMIX.call();
        for (long token = from; token < to; token += BLOCK) {
            long count = Math.min(BLOCK, to - token);
            streams(products, 1, in[4], hidden, token);
            row(products, 0, in[1], hidden, token);
            row(products, 5, out[2], STREAMS, token);
            products.rows(count, hidden);
            for (int j = 0; j < STREAMS; j++) {
                products.place(0, Spans.address(in[0], (token * STREAMS + j) * hidden)).stride(0, 4 * STREAMS * hidden);
                products.place(5, Spans.address(out[3], (token * STREAMS + j) * STREAMS)).stride(5, 4 * STREAMS * STREAMS);
                products.rows(count, hidden);
            }
            streams(unmix, 0, in[4], hidden, token);
            row(unmix, 4, in[2], STREAMS, token);
            row(unmix, 5, in[3], STREAMS * STREAMS, token);
            row(unmix, 6, out[1], hidden, token);
            streams(unmix, 7, out[0], hidden, token);
            unmix.rows(count, hidden);
        }
    }

    /// The tokens `from` to `to`: inputs `pre, x`.
    static void collapse(Tensor[] in, Tensor u, long hidden, long from, long to) {
        LaneCall call = Code.COLLAPSE.call();
        row(call, 0, in[0], STREAMS, from);
        streams(call, 1, in[1], hidden, from);
        row(call, 5, u, hidden, from);
        call.rows(to - from, hidden);
    }

    /// The tokens `from` to `to`: inputs `pre, x, du`, outputs `dpre, dx`.
    static void collapseGradients(Tensor[] in, Tensor[] out, long hidden, long from, long to) {
        LaneCall call = Code.COLLAPSE_GRADIENTS.call();
        row(call, 0, in[0], STREAMS, from);
        streams(call, 1, in[1], hidden, from);
        row(call, 5, in[2], hidden, from);
        row(call, 6, out[0], STREAMS, from);
        streams(call, 7, out[1], hidden, from);
        call.rows(to - from, hidden);
    }

    private static void row(LaneCall call, int number, Tensor tensor, long width, long token) {
        call.place(number, Spans.address(tensor, token * width)).stride(number, 4 * width);
    }

    private static void streams(LaneCall call, int first, Tensor tensor, long hidden, long token) {
        for (int s = 0; s < STREAMS; s++) {
            call.place(first + s, Spans.address(tensor, (token * STREAMS + s) * hidden)).stride(first + s, 4 * STREAMS * hidden);
        }
    }

    /// The loops, made where they are first used.
    private static final class Code {
        /// `x_0 to x_3, y, post, comb, mixed_0 to mixed_3`.
        static final LaneLoop MIX = LaneLoop.rows(x -> {
            Value[] post = singles(x, 5, 0, 1);
            Value[][] comb = new Value[STREAMS][];
            for (int k = 0; k < STREAMS; k++) {
                comb[k] = singles(x, 6, k, STREAMS);
            }
            x.each(() -> {
                Value y = x.load(4);
                Value[] streams = loads(x, 0);
                for (int k = 0; k < STREAMS; k++) {
                    x.store(7 + k, chain(x, comb[k], streams, x.mul(y, post[k])));
                }
            });
        });
        /// `dmixed_0 to dmixed_3, post, comb, dy, dx_0 to dx_3`.
        static final LaneLoop UNMIX = LaneLoop.rows(x -> {
            Value[] post = singles(x, 4, 0, 1);
            Value[][] comb = new Value[STREAMS][];
            for (int j = 0; j < STREAMS; j++) {
                comb[j] = singles(x, 5, j * STREAMS, 1);
            }
            Value zero = x.constant(0f);
            x.each(() -> {
                Value[] dmixed = loads(x, 0);
                x.store(6, chain(x, post, dmixed, zero));
                for (int j = 0; j < STREAMS; j++) {
                    x.store(7 + j, chain(x, comb[j], dmixed, zero));
                }
            });
        });
        /// `a, x_0 to x_3, y`: four sums of products.
        static final LaneLoop PRODUCTS = LaneLoop.rows(x -> products(x, 0, 1, 5));
        /// `pre, x_0 to x_3, u`.
        static final LaneLoop COLLAPSE = LaneLoop.rows(x -> {
            Value[] pre = singles(x, 0, 0, 1);
            Value zero = x.constant(0f);
            x.each(() -> x.store(5, chain(x, pre, loads(x, 1), zero)));
        });
        /// `pre, x_0 to x_3, du, dpre, dx_0 to dx_3`.
        static final LaneLoop COLLAPSE_GRADIENTS = LaneLoop.rows(x -> {
            Value[] pre = singles(x, 0, 0, 1);
            products(x, 5, 1, 6);
            x.each(() -> {
                Value du = x.load(5);
                for (int s = 0; s < STREAMS; s++) {
                    x.store(7 + s, x.mul(du, pre[s]));
                }
            });
        });
    }

    /// Stores `Σ a · x_s` for four tensors from `first` on.
    private static void products(Lanes x, int a, int first, int into) {
        Sum[] sums = new Sum[STREAMS];
        for (int s = 0; s < STREAMS; s++) {
            sums[s] = x.start();
        }
        x.sums(() -> {
            Value v = x.load(a);
            for (int s = 0; s < STREAMS; s++) {
                x.accumulateProduct(sums[s], v, x.load(first + s));
            }
        });
        for (int s = 0; s < STREAMS; s++) {
            x.storeOne(into, s, x.total(sums[s]));
        }
    }

    private static Value chain(Lanes x, Value[] weights, Value[] streams, Value start) {
        Value sum = start;
        for (int s = 0; s < STREAMS; s++) {
            sum = x.fma(weights[s], streams[s], sum);
        }
        return sum;
    }

    private static Value[] singles(Lanes x, int tensor, int from, int step) {
        Value[] singles = new Value[STREAMS];
        for (int s = 0; s < STREAMS; s++) {
            singles[s] = x.loadOne(tensor, from + s * step);
        }
        return singles;
    }

    private static Value[] loads(Lanes x, int first) {
        Value[] streams = new Value[STREAMS];
        for (int s = 0; s < STREAMS; s++) {
            streams[s] = x.load(first + s);
        }
        return streams;
    }
}
