package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.Arrays;
import java.util.List;

/// The checks that `infer` methods share; each names the operator and the input at fault.
final class Types {
    /// Simple names of classes, which a class works out each time it is asked.
    static final ClassValue<String> NAMES = new ClassValue<>() {
        @Override protected String computeValue(Class<?> type) {
            return type.getSimpleName();
        }
    };

    private Types() {}

    static void count(Op op, List<TensorType> inputs, String names) {
        int wanted = 1;
        for (int i = 0; i < names.length(); i++) {
            wanted += names.charAt(i) == ' ' ? 1 : 0;
        }
        if (inputs.size() != wanted) {
            check(false, "%s: %d inputs, wanted %d (%s)", op.name(), inputs.size(), wanted, names);
        }
    }

    static Shape f32(Op op, List<TensorType> inputs, int index, String name) {
        return typed(op, inputs, index, name, DType.F32);
    }

    static Shape typed(Op op, List<TensorType> inputs, int index, String name, DType wanted) {
        TensorType type = inputs.get(index);
        check(type.dtype() == wanted, "%s: %s is %s, wanted %s", op.name(), name, type, wanted);
        return type.shape();
    }

    static void same(Op op, String name, Shape found, String like, Shape wanted) {
        check(found.equals(wanted), "%s: %s is %s, wanted %s as %s", op.name(), name, found, wanted, like);
    }

    static void leaves(Op op, long leaves, long rows) {
        check(leaves > 0 && rows % leaves == 0, "%s: %d rows do not divide into %d leaves", op.name(), rows, leaves);
    }

    /// An F32 input of two axes.
    static Shape matrix(Op op, List<TensorType> inputs, int index, String name, String wanted) {
        Shape shape = f32(op, inputs, index, name);
        check(shape.rank() == 2, "%s: %s is %s, wanted %s", op.name(), name, shape, wanted);
        return shape;
    }

    /// An F32 input `[..., streams, hidden]`.
    static Shape streams(Op op, List<TensorType> inputs, int index, String name) {
        Shape shape = f32(op, inputs, index, name);
        check(shape.rank() >= 2 && shape.axis(-2) > 0, "%s: %s is %s, wanted [..., streams, hidden]", op.name(), name, shape);
        return shape;
    }

    /// The places of an [ExpertPlan], I32 `[rows, count]`, for so many rows or for any number where `rows` is negative.
    static Shape places(Op op, List<TensorType> inputs, int index, long rows) {
        Shape places = typed(op, inputs, index, "places", DType.I32);
        check(places.rank() == 2 && (rows < 0 || places.axis(0) == rows), "%s: places are %s, wanted [%s, count]", op.name(), places, rows < 0 ? "rows" : rows);
        return places;
    }

    /// A shape with one more axis at the end.
    static Shape append(Shape shape, long size) {
        long[] sizes = Arrays.copyOf(shape.toArray(), shape.rank() + 1);
        sizes[shape.rank()] = size;
        return Shape.of(sizes);
    }

    /// The entries that stand for windows of keys, `[batch, count, dim]` as `q [batch, queries, heads, dim]` wants them.
    static Shape entries(Op op, List<TensorType> inputs, int index, Shape q) {
        String name = op instanceof IndexScores ? "k" : "entries";
        Shape entries = f32(op, inputs, index, name);
        check(entries.rank() == 3 && entries.axis(0) == q.axis(0) && entries.last() == q.last(), "%s: %s is %s, wanted [%d, count, %d]", op.name(), name, entries, q.axis(0), q.last());
        return entries;
    }

    /// Which entries each query sees: `visible` shaped as `queries`, or with one more axis of two, or `chosen` with one of any size.
    static Shape seen(Op op, List<TensorType> inputs, int index, boolean gathered, Shape queries) {
        String name = gathered ? "chosen" : "visible";
        Shape seen = typed(op, inputs, index, name, DType.I32);
        if (gathered) {
            check(seen.rank() == 3 && seen.part(0, 2).equals(queries), "%s: chosen is %s, wanted [%d, %d, places]", op.name(), seen, queries.axis(0), queries.axis(1));
        } else {
            check(seen.equals(queries) || seen.equals(append(queries, 2)), "%s: visible is %s, wanted %s as [batch, queries], or [batch, queries, 2] for runs", op.name(), seen, queries);
        }
        return seen;
    }
}
