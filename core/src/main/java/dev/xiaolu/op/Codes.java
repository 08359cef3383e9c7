package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;

/// How the elements of a quantised tensor are written.
public enum Codes {
    /// E4M3, one to a byte: [DType#F8_E4M3].
    FP8,
    /// E2M1, two to a byte, the even index in the low four bits: [DType#I8] with half the columns.
    FP4;

    /// The type of the codes of `x [..., columns]`; FP4 wants an even number of columns.
    public TensorType of(Shape x) {
        check(this == FP8 || x.last() % 2 == 0, "FP4: x is %s, wanted an even number of columns", x);
        return this == FP8 ? new TensorType(DType.F8_E4M3, x) : new TensorType(DType.I8, x.with(-1, x.last() / 2));
    }

    /// The shape of what codes of this type stand for.
    static Shape decoded(Op op, TensorType codes) {
        check(codes.dtype() == DType.F8_E4M3 || codes.dtype() == DType.I8, "%s: codes is %s, wanted F8_E4M3, or I8 for packed FP4", op.name(), codes);
        Shape shape = codes.shape();
        check(shape.rank() >= 2, "%s: codes is %s, wanted at least two axes", op.name(), codes);
        return codes.dtype() == DType.F8_E4M3 ? shape : shape.with(-1, 2 * shape.last());
    }
}
