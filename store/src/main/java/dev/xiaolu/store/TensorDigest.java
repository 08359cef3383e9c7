package dev.xiaolu.store;

import static dev.xiaolu.platform.Check.check;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Tensor;
import java.util.HexFormat;

/// The fingerprint of one tensor: its type and the two hashes that the operator [dev.xiaolu.op.Digest] gives for its bits.
public record TensorDigest(TensorType type, long first, long second) {
    /// Takes what [dev.xiaolu.op.Digest] gave, `hashes [2]` of I64, for a tensor of `type`.
    public static TensorDigest of(TensorType type, Tensor hashes) {
        check(hashes.dtype() == DType.I64 && hashes.shape().size() == 2, "TensorDigest: the hashes are %s, wanted I64 [2]", hashes);
        return new TensorDigest(type, hashes.data().getAtIndex(JAVA_LONG, 0), hashes.data().getAtIndex(JAVA_LONG, 1));
    }

    /// Both hashes as 32 hex digits.
    public String hex() {
        return HexFormat.of().toHexDigits(first) + HexFormat.of().toHexDigits(second);
    }
}
