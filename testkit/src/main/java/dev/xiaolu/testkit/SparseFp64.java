package dev.xiaolu.testkit;

import dev.xiaolu.op.Compress;
import dev.xiaolu.op.IndexLoss;
import dev.xiaolu.op.JointAttention;
import dev.xiaolu.op.RopePairs;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.testkit.Fp64.Values;
import java.util.ArrayList;
import java.util.List;

/// The part of [Fp64] about attention over compressed entries.
final class SparseFp64 {
    private SparseFp64() {}

    static Values ropePairs(RopePairs op, Values x, Values table, Values positions) {
        int dim = (int) x.shape().last();
        int heads = (int) x.shape().axis(-2);
        int width = (int) table.shape().last();
        Values y = new Values(x.shape(), x.data().clone());
        for (int row = 0; row < x.shape().rows(); row++) {
            int angles = (int) positions.data()[row / heads] * width;
            for (int pair = 0; pair < width / 2; pair++) {
                double cos = table.data()[angles + pair];
                double sin = table.data()[angles + width / 2 + pair] * (op.inverse() ? -1 : 1);
                int at = row * dim + dim - width + 2 * pair;
                y.data()[at] = x.data()[at] * cos - x.data()[at + 1] * sin;
                y.data()[at + 1] = x.data()[at] * sin + x.data()[at + 1] * cos;
            }
        }
        return y;
    }

    /// By the matrix itself.
    static Values hadamard(Values x) {
        int dim = (int) x.shape().last();
        Values y = Values.zeros(x.shape());
        for (int i = 0; i < y.data().length; i++) {
            for (int j = 0; j < dim; j++) {
                y.data()[i] += x.data()[i / dim * dim + j] * (Integer.bitCount(i % dim & j) % 2 == 0 ? 1 : -1) / Math.sqrt(dim);
            }
        }
        return y;
    }

    /// `since` is null where nothing of the window before is held back.
    static Values compress(Compress op, Values content, Values gate, Values bias, Values since) {
        int tokens = (int) content.shape().axis(1);
        int columns = (int) content.shape().last();
        int channels = op.overlap() ? columns / 2 : columns;
        int entries = (int) op.entries(tokens);
        Values y = Values.zeros(Shape.of(content.shape().axis(0), entries, channels));
        for (int i = 0; i < y.data().length; i++) {
            int channel = i % channels;
            int window = i / channels % Math.max(1, entries) + (op.continued() ? 1 : 0);
            int start = i / channels / entries * tokens;
            int from = since == null ? 0 : (int) since.data()[i / channels];
            double total = 0;
            for (int token = Math.max(from, (window - 1) * op.ratio()); token < (window + 1) * op.ratio(); token++) {
                boolean before = token < window * op.ratio();
                if (before && !op.overlap()) {
                    continue;
                }
                int column = op.overlap() && !before ? channels + channel : channel;
                double p = Math.exp(gate.data()[(start + token) * columns + column] + bias.data()[token % op.ratio() * columns + column]);
                total += p;
                y.data()[i] += p * content.data()[(start + token) * columns + column];
            }
            y.data()[i] /= total;
        }
        return y;
    }

    static Values jointAttention(JointAttention op, List<Values> in) {
        Values q = in.get(0);
        int queries = (int) q.shape().axis(1);
        int heads = (int) q.shape().axis(2);
        int dim = (int) q.shape().last();
        int rows = (int) in.get(1).shape().axis(1);
        Values o = Values.zeros(q.shape());
        for (int query = 0; query < q.shape().axis(0) * queries; query++) {
            int sequence = query / queries;
            List<double[]> keys = new ArrayList<>();
            for (int entry : seen(in.get(7), query, op.gathered())) {
                keys.add(key(in.get(2), sequence, entry));
            }
            for (int index = (int) in.get(4).data()[query]; index <= in.get(5).data()[query]; index++) {
                keys.add(key(in.get(1), sequence, index % rows));
            }
            for (int head = 0; head < heads; head++) {
                int at = (query * heads + head) * dim;
                double total = Math.exp(in.get(3).data()[head]);
                for (double[] key : keys) {
                    double s = 0;
                    for (int c = 0; c < dim; c++) {
                        s += q.data()[at + c] * key[c] * op.scale();
                    }
                    total += Math.exp(s);
                    for (int c = 0; c < dim; c++) {
                        o.data()[at + c] += Math.exp(s) * key[c];
                    }
                }
                for (int c = 0; c < dim; c++) {
                    o.data()[at + c] /= total;
                }
            }
        }
        return o;
    }

    /// Entries that a query does not see are −∞.
    static Values indexScores(Values q, Values k, Values weight, Values visible) {
        int queries = (int) q.shape().axis(1);
        int heads = (int) q.shape().axis(2);
        int dim = (int) q.shape().last();
        int entries = (int) k.shape().axis(1);
        Values scores = Values.zeros(Shape.of(q.shape().axis(0), queries, entries));
        for (int i = 0; i < scores.data().length; i++) {
            int query = i / entries;
            double[] key = key(k, query / queries, i % entries);
            for (int head = 0; head < heads; head++) {
                double d = 0;
                for (int c = 0; c < dim; c++) {
                    d += q.data()[(query * heads + head) * dim + c] * key[c];
                }
                scores.data()[i] += weight.data()[query * heads + head] * Math.max(0, d);
            }
            int entry = i % entries;
            if (java.util.Arrays.stream(seen(visible, query, false)).noneMatch(seen -> seen == entry)) {
                scores.data()[i] = Double.NEGATIVE_INFINITY;
            }
        }
        return scores;
    }

    static Values indexLoss(IndexLoss op, Values scores, Values share, Values seen) {
        int entries = (int) scores.shape().last();
        int places = (int) share.shape().last();
        Values loss = Values.zeros(scores.shape().part(0, 2));
        for (int query = 0; query < loss.data().length; query++) {
            int[] set = seen(seen, query, op.gathered());
            double total = 0;
            for (int entry : set) {
                total += Math.exp(scores.data()[query * entries + entry]);
            }
            for (int i = 0; i < set.length; i++) {
                double t = share.data()[query * places + (op.gathered() ? i : set[i])];
                loss.data()[query] += t == 0 ? 0 : t * (Math.log(t) - scores.data()[query * entries + set[i]] + Math.log(total));
            }
        }
        return loss;
    }

    /// The entries that a query sees.
    private static int[] seen(Values seen, int query, boolean gathered) {
        if (!gathered && seen.shape().rank() == 3) {
            return java.util.stream.IntStream.range((int) seen.data()[2 * query], (int) seen.data()[2 * query + 1]).toArray();
        }
        if (!gathered) {
            return java.util.stream.IntStream.range(0, (int) seen.data()[query]).toArray();
        }
        int places = (int) seen.shape().last();
        return java.util.stream.IntStream.range(query * places, (query + 1) * places).map(i -> (int) seen.data()[i]).filter(entry -> entry >= 0).toArray();
    }

    private static double[] key(Values keys, int sequence, int row) {
        int dim = (int) keys.shape().last();
        int at = (int) (sequence * keys.shape().axis(1) + row) * dim;
        return java.util.Arrays.copyOfRange(keys.data(), at, at + dim);
    }
}
