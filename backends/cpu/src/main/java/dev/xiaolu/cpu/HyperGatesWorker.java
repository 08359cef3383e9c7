package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.xiaolu.tensor.Tensor;
import jdk.incubator.vector.FloatVector;

/// One thread's part of the gates of hyper-connections: as many tokens at a time as a vector has lanes, gate `i` of all of them at `i · LANES`.
///
/// Gates that are not a matrix come first: all of them for a head, `2n` for a layer of `n` streams. Used again for every call.
final class HyperGatesWorker {
    private final GateLanes lanes = new GateLanes();
    private float[] m = new float[0];
    /// Scaled gates, then what the forward makes of them.
    private float[] z = new float[0];
    private float[] dz = new float[0];
    private float[] base;
    private float[] scale;
    private int gates;
    /// Gates before those of `comb`.
    private int plain;
    private int streams;

    /// Prepares for a layer of so many streams.
    void setLayer(Tensor base, Tensor scale, int streams, int iterations, float epsilon) {
        set(base, scale, streams);
        lanes.set(plain, streams, iterations, epsilon);
    }

    /// Prepares for a head.
    void setHead(Tensor base, Tensor scale) {
        set(base, scale, (int) base.shape().last());
        lanes.set(plain, 0, 0, 0);
    }

    private void set(Tensor base, Tensor scale, int streams) {
        this.streams = streams;
        gates = (int) base.shape().last();
        plain = Math.min(gates, 2 * streams);
        this.base = base.toFloats();
        this.scale = scale.toFloats();
        if (z.length < gates * LANES) {
            m = new float[gates * LANES];
            z = new float[gates * LANES];
            dz = new float[gates * LANES];
        }
    }

    /// Reads `count` tokens from row `first` on and scales them; lanes beyond have tokens of zeros.
    private void load(Tensor projected, long first, int count) {
        gather(projected, first, count, m, 0, gates);
        for (int i = 0; i < gates; i++) {
            FloatVector factor = FloatVector.broadcast(FLOATS, scale[block(i)]);
            factor.fma(FloatVector.fromArray(FLOATS, m, i * LANES), FloatVector.broadcast(FLOATS, base[i])).intoArray(z, i * LANES);
        }
    }

    private int block(int gate) {
        return Math.min(gate / streams, 2);
    }

    /// The gates of `count` tokens: `pre`, and for a layer `post` and `comb`.
    void forward(Tensor projected, long first, int count, float epsilon, Tensor[] out) {
        load(projected, first, count);
        lanes.forwardLoop(z);
        for (int i = 0; i < streams * LANES; i += LANES) {
            FloatVector.fromArray(FLOATS, z, i).add(epsilon).intoArray(z, i);
        }
        scatter(z, 0, streams, out[0], first, count);
        if (gates > plain) {
            for (int i = streams * LANES; i < plain * LANES; i += LANES) {
                FloatVector.fromArray(FLOATS, z, i).mul(2f).intoArray(z, i);
            }
            scatter(z, streams, streams, out[1], first, count);
            scatter(z, plain, gates - plain, out[2], first, count);
        }
    }

    /// The gradients of `count` tokens; adds those of `base` and then of `scale` to `sums[at]`, token after token.
    ///
    /// @param dy the gradients of what [#forward] gives
    void backward(Tensor projected, Tensor[] dy, long first, int count, Tensor dm, float[] sums, int at) {
        load(projected, first, count);
        lanes.forwardLoop(z);
        gather(dy[0], first, count, dz, 0, streams);
        if (gates > plain) {
            gather(dy[1], first, count, dz, streams, streams);
            for (int i = streams * LANES; i < plain * LANES; i += LANES) {
                FloatVector.fromArray(FLOATS, dz, i).mul(2f).intoArray(dz, i);
            }
            gather(dy[2], first, count, dz, plain, gates - plain);
            lanes.backwardLoop(dz);
        }
        for (int i = 0; i < plain * LANES; i += LANES) {
            FloatVector a = FloatVector.fromArray(FLOATS, z, i);
            FloatVector slope = a.mul(FloatVector.broadcast(FLOATS, 1f).sub(a));
            FloatVector.fromArray(FLOATS, dz, i).mul(slope).intoArray(dz, i);
        }
        sumLoop(count, sums, at);
        for (int i = 0; i < gates; i++) {
            FloatVector.fromArray(FLOATS, dz, i * LANES).mul(scale[block(i)]).intoArray(dz, i * LANES);
        }
        scatter(dz, 0, gates, dm, first, count);
    }

    private void sumLoop(int count, float[] sums, int at) {
        for (int i = 0; i < gates; i++) {
            for (int lane = 0; lane < count; lane++) {
                sums[at + i] += dz[i * LANES + lane];
            }
        }
        for (int block = 0, from = 0; block < scale.length; block++) {
            int to = block == scale.length - 1 ? gates : from + streams;
            FloatVector products = FloatVector.zero(FLOATS);
            for (int i = from; i < to; i++) {
                products = FloatVector.fromArray(FLOATS, dz, i * LANES).fma(FloatVector.fromArray(FLOATS, m, i * LANES), products);
            }
            products.intoArray(z, 0);
            for (int lane = 0; lane < count; lane++) {
                sums[at + gates + block] += z[lane];
            }
            from = to;
        }
    }

    /// Elements of `width` of each token to gate `at` and on; a token may have several rows, as the matrices of `comb` have.
    private static void gather(Tensor from, long first, int count, float[] into, int at, int width) {
        for (int lane = 0; lane < count; lane++) {
            long index = (first + lane) * width;
            int row = (int) from.shape().last();
            for (int i = 0; i < width; i += row) {
                long start = from.offsetOf(index + i);
                for (int k = 0; k < row; k++) {
                    into[(at + i + k) * LANES + lane] = from.data().getAtIndex(JAVA_FLOAT, start + k);
                }
            }
        }
        for (int lane = count; lane < LANES; lane++) {           // what lies there is never used, but infinities and denormals of old may be slow
            for (int i = at; i < at + width; i++) {
                into[i * LANES + lane] = 0;
            }
        }
    }

    private static void scatter(float[] from, int at, int width, Tensor into, long first, int count) {
        for (int lane = 0; lane < count; lane++) {
            for (int i = 0; i < width; i++) {
                into.data().setAtIndex(JAVA_FLOAT, (first + lane) * width + i, from[(at + i) * LANES + lane]);
            }
        }
    }}
