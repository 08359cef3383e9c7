package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// The checks that `infer` methods share; each names the operator and the input at fault.
final class Types {
    private Types() {}

    static void count(Op op, List<TensorType> inputs, String names) {
        int wanted = names.split(" ").length;
        check(inputs.size() == wanted, "%s: %d inputs, wanted %d (%s)", op.name(), inputs.size(), wanted, names);
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
}
