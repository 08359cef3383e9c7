package dev.xiaolu.tensor;

import static dev.xiaolu.tensor.Elements.at;
import static dev.xiaolu.tensor.Elements.dot;
import static dev.xiaolu.tensor.Elements.intAt;
import static dev.xiaolu.tensor.Elements.row;
import static dev.xiaolu.tensor.Elements.rowSum;
import static dev.xiaolu.tensor.Elements.set;
import static dev.xiaolu.tensor.Elements.setInt;
import static dev.xiaolu.tensor.Elements.setRow;

import dev.xiaolu.op.ClampedSwiGlu;
import dev.xiaolu.op.ClampedSwiGluGrad;
import dev.xiaolu.op.Combine;
import dev.xiaolu.op.CombineGrad;
import dev.xiaolu.op.ExpertLinear;
import dev.xiaolu.op.ExpertLinearGrad;
import dev.xiaolu.op.ExpertPlan;
import dev.xiaolu.op.GroupedLinear;
import dev.xiaolu.op.GroupedLinearGrad;
import dev.xiaolu.op.TakeRows;
import dev.xiaolu.op.TakeRowsGrad;
import java.util.stream.LongStream;

/// The definitions of the experts: the way of tokens to them and back, and the products that have a weight for each part of their rows.
final class ReferenceExperts {
    private ReferenceExperts() {}

    static void run(ExpertPlan op, Tensor[] in, Tensor[] out) {
        long rows = in[0].shape().rows();
        long count = in[0].shape().last();
        int place = 0;
        for (int expert = 0; expert < op.experts(); expert++) {
            setInt(out[1], expert, place);
            for (long row = 0; row < rows; row++) {
                for (long k = 0; k < count; k++) {
                    if (ChosenExperts.ascending(in[0], row, k, op.experts()) == expert) {
                        setInt(out[0], place, Math.toIntExact(row * count + k));
                        setInt(out[2], row * count + k, place++);
                    }
                }
            }
        }
        setInt(out[1], op.experts(), place);
    }

    static void run(TakeRows op, Tensor[] in, Tensor[] out) {
        for (long row = 0; row < in[1].shape().axis(0); row++) {
            for (long k = 0; k < in[1].shape().last(); k++) {
                setRow(out[0], ChosenExperts.place(in[1], row, k), row(in[0], row));
            }
        }
    }

    static void run(TakeRowsGrad op, Tensor[] in, Tensor[] out) {
        for (long row = 0; row < in[1].shape().axis(0); row++) {
            float[] dx = new float[(int) out[0].shape().last()];
            for (long k = 0; k < in[1].shape().last(); k++) {
                float[] dy = row(in[0], ChosenExperts.place(in[1], row, k));
                for (int c = 0; c < dx.length; c++) {
                    dx[c] += dy[c];
                }
            }
            setRow(out[0], row, dx);
        }
    }

    static void run(Combine op, Tensor[] in, Tensor[] out) {
        long count = in[2].shape().last();
        for (long row = 0; row < in[2].shape().axis(0); row++) {
            float[] y = new float[(int) out[0].shape().last()];
            for (long k = 0; k < count; k++) {
                ReferenceHyper.chain(at(in[1], row * count + k), row(in[0], ChosenExperts.place(in[2], row, k)), y);
            }
            setRow(out[0], row, y);
        }
    }

    static void run(CombineGrad op, Tensor[] in, Tensor[] out) {
        long count = in[2].shape().last();
        for (long row = 0; row < in[2].shape().axis(0); row++) {
            float[] dy = row(in[3], row);
            for (long k = 0; k < count; k++) {
                int place = ChosenExperts.place(in[2], row, k);
                setRow(out[0], place, ReferenceHyper.product(at(in[1], row * count + k), dy));
                set(out[1], row * count + k, rowSum(dy, row(in[0], place)));
            }
        }
    }

    static void run(ExpertLinear op, Tensor[] in, Tensor[] out) {
        ChosenExperts.checkOffsets(in[3], in[0].shape().axis(0));
        int outs = (int) out[0].shape().last();
        for (int expert = 0; expert < in[1].shape().axis(0); expert++) {
            for (long pair = intAt(in[3], expert); pair < intAt(in[3], expert + 1); pair++) {
                float[] x = row(in[0], pair);
                for (int o = 0; o < outs; o++) {
                    set(out[0], pair * outs + o, dot(x, weights(in[1].at(expert), op.transposed(), o)));
                }
            }
        }
    }

    static void run(GroupedLinear op, Tensor[] in, Tensor[] out) {
        long groups = in[0].shape().axis(-2);
        long each = in[1].shape().axis(0) / groups;
        int outs = (int) out[0].shape().last();
        for (long row = 0; row < in[0].shape().rows(); row++) {
            Tensor weight = in[1].slice(0, row % groups * each, (row % groups + 1) * each);
            float[] x = row(in[0], row);
            for (int o = 0; o < outs; o++) {
                set(out[0], row * outs + o, dot(x, weights(weight, op.transposed(), o)));
            }
        }
    }

    /// What output `o` is multiplied with: a row of the weight, or a column.
    private static float[] weights(Tensor weight, boolean transposed, int o) {
        return transposed ? column(weight, LongStream.range(0, weight.shape().axis(0)).toArray(), o) : row(weight, o);
    }

    static void run(ExpertLinearGrad op, Tensor[] in, Tensor[] out) {
        ChosenExperts.checkOffsets(in[3], in[0].shape().axis(0));
        ChosenExperts.checkOrder(in[2], in[3]);
        long pairs = in[0].shape().axis(0) / op.leaves();
        for (int leaf = 0; leaf < op.leaves(); leaf++) {
            long first = leaf * pairs;
            for (int expert = 0; expert < in[3].shape().size() - 1; expert++) {
                long[] places = LongStream.range(intAt(in[3], expert), intAt(in[3], expert + 1))
                        .filter(place -> intAt(in[2], place) >= first && intAt(in[2], place) < first + pairs).toArray();
                products(in[1], in[0], places, out[0].at(leaf).at(expert));
            }
        }
    }

    static void run(GroupedLinearGrad op, Tensor[] in, Tensor[] out) {
        long groups = in[0].shape().axis(-2);
        long rows = in[0].shape().rows() / groups / op.leaves();
        long each = out[0].shape().axis(1) / groups;
        for (long leaf = 0; leaf < op.leaves(); leaf++) {
            for (long group = 0; group < groups; group++) {
                long first = leaf * rows * groups + group;
                long[] places = LongStream.range(0, rows).map(row -> first + row * groups).toArray();
                products(in[1], in[0], places, out[0].at(leaf).slice(0, group * each, (group + 1) * each));
            }
        }
    }

    /// `dweight_oi`, the dot product of column `o` of `dy` and column `i` of `x` over these rows.
    private static void products(Tensor dy, Tensor x, long[] rows, Tensor dweight) {
        for (int o = 0; o < dweight.shape().axis(0); o++) {
            float[] left = column(dy, rows, o);
            for (int i = 0; i < dweight.shape().last(); i++) {
                set(dweight, o * dweight.shape().last() + i, dot(left, column(x, rows, i)));
            }
        }
    }

    private static float[] column(Tensor tensor, long[] rows, int column) {
        float[] values = new float[rows.length];
        for (int i = 0; i < rows.length; i++) {
            values[i] = at(tensor, rows[i] * tensor.shape().last() + column);
        }
        return values;
    }

    static void run(ClampedSwiGlu op, Tensor[] in, Tensor[] out) {
        for (long i = 0; i < out[0].shape().size(); i++) {
            float g = Math.min(at(in[0], i), op.limit());
            float u = Math.max(-op.limit(), Math.min(at(in[1], i), op.limit()));
            set(out[0], i, g * Elementary.sigmoid(g) * u);
        }
    }

    static void run(ClampedSwiGluGrad op, Tensor[] in, Tensor[] out) {
        for (long i = 0; i < out[0].shape().size(); i++) {
            float gate = at(in[0], i);
            float up = at(in[1], i);
            float dy = at(in[2], i);
            float g = Math.min(gate, op.limit());
            float u = Math.max(-op.limit(), Math.min(up, op.limit()));
            float s = Elementary.sigmoid(g);
            set(out[0], i, gate > op.limit() ? 0 : dy * u * (s * Math.fma(g, 1 - s, 1)));
            set(out[1], i, Math.abs(up) > op.limit() ? 0 : dy * (g * s));
        }
    }
}
