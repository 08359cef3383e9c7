package dev.xiaolu.shape;

/// What is known of a tensor without its data: element type and shape. Operators infer these from shapes alone.
public record TensorType(DType dtype, Shape shape) {
    /// A type of F32 elements.
    public static TensorType f32(Shape shape) {
        return new TensorType(DType.F32, shape);
    }

    /// Bytes of a contiguous tensor of this type.
    public long bytes() {
        return Math.multiplyExact(shape.size(), (long) dtype.bytes());
    }

    /// For example `F32 [8, 512]`.
    @Override public String toString() {
        return dtype + " " + shape;
    }
}
