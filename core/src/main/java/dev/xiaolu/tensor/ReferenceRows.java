package dev.xiaolu.tensor;

import static dev.xiaolu.op.Numerics.BLOCK;
import static dev.xiaolu.op.Numerics.LANES;
import static dev.xiaolu.op.Numerics.LEAF;
import static dev.xiaolu.platform.Check.check;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.xiaolu.op.CrossEntropy;
import dev.xiaolu.op.CrossEntropyGrad;
import dev.xiaolu.op.Embed;
import dev.xiaolu.op.EmbedGrad;
import dev.xiaolu.op.Mean;
import dev.xiaolu.op.MeanGrad;
import dev.xiaolu.op.RmsNorm;
import dev.xiaolu.op.RmsNormGrad;
import dev.xiaolu.op.Rope;
import dev.xiaolu.op.SquareSums;

/// The definitions of the operators that work along rows.
final class ReferenceRows {
    private ReferenceRows() {}

    static void run(RmsNorm op, Tensor[] in, Tensor[] out) {
        int hidden = (int) in[0].shape().last();
        for (long row = 0; row < in[0].shape().rows(); row++) {
            float[] x = row(in[0], row);
            float r = inverseRoot(x, op.epsilon());
            for (int i = 0; i < hidden; i++) {
                set(out[0], row * hidden + i, x[i] * r * at(in[1], i));
            }
        }
    }

    static void run(RmsNormGrad op, Tensor[] in, Tensor[] out) {
        int hidden = (int) in[0].shape().last();
        int rows = (int) (in[0].shape().rows() / op.leaves());
        int leavesOfRows = (rows + LEAF - 1) / LEAF;
        for (int leaf = 0; leaf < op.leaves(); leaf++) {
            float[][] dgain = new float[hidden][leavesOfRows];
            for (int k = 0; k < rows; k++) {
                long row = (long) leaf * rows + k;
                float[] x = row(in[0], row);
                float[] dy = row(in[2], row);
                float r = inverseRoot(x, op.epsilon());
                float[] lanes = new float[LANES];
                for (int i = 0; i < hidden; i++) {
                    lanes[i % LANES] = Math.fma(dy[i] * at(in[1], i), x[i], lanes[i % LANES]);
                }
                float c = Sums.halve(lanes) * r * r / hidden;
                for (int i = 0; i < hidden; i++) {
                    set(out[0], row * hidden + i, r * Math.fma(-x[i], c, dy[i] * at(in[1], i)));
                    dgain[i][k / LEAF] = Math.fma(dy[i], x[i] * r, dgain[i][k / LEAF]);
                }
            }
            for (int i = 0; i < hidden; i++) {
                set(out[1], (long) leaf * hidden + i, Sums.tree(dgain[i], leavesOfRows));
            }
        }
    }

    private static float inverseRoot(float[] x, float epsilon) {
        float[] lanes = new float[LANES];
        for (int i = 0; i < x.length; i++) {
            lanes[i % LANES] = Math.fma(x[i], x[i], lanes[i % LANES]);
        }
        return 1 / (float) Math.sqrt(Sums.halve(lanes) / x.length + epsilon);
    }

    static void run(CrossEntropy op, Tensor[] in, Tensor[] out) {
        for (long row = 0; row < in[0].shape().rows(); row++) {
            float[] x = row(in[0], row);
            int target = target(in[1], row, x.length);
            float m = Float.NEGATIVE_INFINITY;
            for (float value : x) {
                m = Math.max(m, value);
            }
            float[] lanes = new float[LANES];
            for (int i = 0; i < x.length; i++) {
                lanes[i % LANES] += Elementary.exp(x[i] - m);
            }
            float l = Sums.halve(lanes);
            set(out[0], row, target < 0 ? 0 : Elementary.log(l) - (x[target] - m));
            set(out[1], row, m);
            set(out[2], row, l);
        }
    }

    static void run(CrossEntropyGrad op, Tensor[] in, Tensor[] out) {
        long vocab = in[0].shape().last();
        for (long row = 0; row < in[0].shape().rows(); row++) {
            float[] x = row(in[0], row);
            int target = target(in[1], row, x.length);
            float m = at(in[2], row);
            float r = 1 / at(in[3], row);
            float dloss = at(in[4], row);
            for (int j = 0; j < vocab; j++) {
                float p = Elementary.exp(x[j] - m) * r;
                set(out[0], row * vocab + j, target < 0 ? 0 : (p - (j == target ? 1 : 0)) * dloss);
            }
        }
    }

    private static int target(Tensor targets, long row, int vocab) {
        int target = intAt(targets, row);
        if (target < -1 || target >= vocab) {
            throw new IndexOutOfBoundsException("target " + target + " of row " + row + ", wanted -1 or 0 to " + (vocab - 1));
        }
        return target;
    }

    static void run(Mean op, Tensor[] in, Tensor[] out) {
        long rows = in[0].shape().size() / op.leaves();
        for (int leaf = 0; leaf < op.leaves(); leaf++) {
            float[] lanes = new float[LANES];
            for (long i = 0; i < rows; i++) {
                lanes[(int) (i % LANES)] += at(in[0], leaf * rows + i);
            }
            set(out[0], leaf, Sums.halve(lanes) / rows);
        }
    }

    static void run(MeanGrad op, Tensor[] in, Tensor[] out) {
        long rows = op.rows() / in[0].shape().size();
        for (long i = 0; i < op.rows(); i++) {
            set(out[0], i, at(in[0], i / rows) / rows);
        }
    }

    static void run(SquareSums op, Tensor[] in, Tensor[] out) {
        check(in[0].isContiguous(), "SquareSums: x %s is a view with gaps, wanted a contiguous tensor", in[0]);
        for (long block = 0; block < out[0].shape().size(); block++) {
            float[] lanes = new float[LANES];
            long first = block * BLOCK;
            for (int i = 0; i < Math.min(BLOCK, in[0].shape().size() - first); i++) {
                lanes[i % LANES] = Math.fma(at(in[0], first + i), at(in[0], first + i), lanes[i % LANES]);
            }
            set(out[0], block, Sums.halve(lanes));
        }
    }

    static void run(Embed op, Tensor[] in, Tensor[] out) {
        long hidden = in[0].shape().last();
        for (long row = 0; row < in[1].shape().size(); row++) {
            int id = id(in[1], row, in[0].shape().axis(0));
            for (long i = 0; i < hidden; i++) {
                set(out[0], row * hidden + i, at(in[0], id * hidden + i));
            }
        }
    }

    static void run(EmbedGrad op, Tensor[] in, Tensor[] out) {
        long hidden = in[0].shape().last();
        int rows = (int) (in[1].shape().size() / op.leaves());
        float[] sums = new float[(rows + LEAF - 1) / LEAF];
        for (int leaf = 0; leaf < op.leaves(); leaf++) {
            int[] ids = new int[rows];
            for (int k = 0; k < rows; k++) {
                ids[k] = id(in[1], (long) leaf * rows + k, op.vocab());
            }
            for (int id = 0; id < op.vocab(); id++) {
                int[] sources = sources(ids, id);
                for (int i = 0; i < hidden; i++) {
                    java.util.Arrays.fill(sums, 0);
                    for (int k = 0; k < sources.length; k++) {
                        sums[k / LEAF] += at(in[0], ((long) leaf * rows + sources[k]) * hidden + i);
                    }
                    set(out[0], ((long) leaf * op.vocab() + id) * hidden + i, Sums.tree(sums, (sources.length + LEAF - 1) / LEAF));
                }
            }
        }
    }

    private static int[] sources(int[] ids, int id) {
        return java.util.stream.IntStream.range(0, ids.length).filter(k -> ids[k] == id).toArray();
    }

    private static int id(Tensor ids, long position, long vocab) {
        int id = intAt(ids, position);
        if (id < 0 || id >= vocab) {
            throw new IndexOutOfBoundsException("id " + id + " at position " + position + ", wanted 0 to " + (vocab - 1));
        }
        return id;
    }

    static void run(Rope op, Tensor[] in, Tensor[] out) {
        int half = (int) in[0].shape().last() / 2;
        long heads = in[0].shape().axis(-2);
        for (long row = 0; row < in[0].shape().rows(); row++) {
            long position = intAt(in[2], row / heads);
            if (position < 0 || position >= in[1].shape().axis(0)) {
                throw new IndexOutOfBoundsException("position " + position + " of row " + row / heads + ", wanted 0 to " + (in[1].shape().axis(0) - 1));
            }
            for (int i = 0; i < half; i++) {
                float c = at(in[1], position * 2 * half + i);
                float sine = at(in[1], position * 2 * half + half + i);
                float s = op.inverse() ? -sine : sine;
                float first = at(in[0], row * 2 * half + i);
                float second = at(in[0], row * 2 * half + half + i);
                set(out[0], row * 2 * half + i, Math.fma(first, c, -(second * s)));
                set(out[0], row * 2 * half + half + i, Math.fma(second, c, first * s));
            }
        }
    }

    private static float[] row(Tensor tensor, long row) {
        float[] values = new float[(int) tensor.shape().last()];
        for (int i = 0; i < values.length; i++) {
            values[i] = at(tensor, row * values.length + i);
        }
        return values;
    }

    private static float at(Tensor tensor, long index) {
        return tensor.data().getAtIndex(JAVA_FLOAT, tensor.offsetOf(index));
    }

    private static int intAt(Tensor tensor, long index) {
        return tensor.data().getAtIndex(JAVA_INT, tensor.offsetOf(index));
    }

    private static void set(Tensor tensor, long index, float value) {
        tensor.data().setAtIndex(JAVA_FLOAT, tensor.offsetOf(index), value);
    }
}
