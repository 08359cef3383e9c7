package dev.xiaolu.tensor;

import static dev.xiaolu.platform.Check.check;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Elements in off-heap memory with a type, a shape and strides.
///
/// A tensor is a view: several may share one memory, and whoever allocated the memory owns it and decides how long it lives.
/// The segment starts at the tensor's first element. Elements of the last axis are always adjacent; the other axes have any stride that is not negative.
/// The fields never change, the elements may: a tensor is safe to share between threads as long as nobody writes what another reads.
public final class Tensor {
    private final TensorType type;
    private final long[] strides;
    private final MemorySegment data;

    private Tensor(TensorType type, long[] strides, MemorySegment data) {
        this.type = type;
        this.strides = strides;
        this.data = data;
    }

    /// A contiguous tensor over `data`, which must hold at least its bytes and lie outside of the heap: kernels in machine code go by addresses.
    public static Tensor of(TensorType type, MemorySegment data) {
        checkNative(type, data);
        check(data.byteSize() >= type.bytes(), "tensor %s needs %d bytes, the segment has %d", type, type.bytes(), data.byteSize());
        return new Tensor(type, rowMajor(type.shape()), data.asSlice(0, type.bytes()));
    }

    /// A new contiguous tensor of zeros, aligned to 64 bytes, owned by `arena`.
    public static Tensor zeros(Arena arena, DType dtype, Shape shape) {
        var type = new TensorType(dtype, shape);
        return of(type, arena.allocate(Math.max(64, type.bytes()), 64));
    }

    /// A new F32 tensor with these elements in row-major order, owned by `arena`.
    public static Tensor of(Arena arena, Shape shape, float... values) {
        check(values.length == shape.size(), "tensor %s needs %d values, found %d", shape, shape.size(), values.length);
        Tensor tensor = zeros(arena, DType.F32, shape);
        MemorySegment.copy(values, 0, tensor.data, JAVA_FLOAT, 0, values.length);
        return tensor;
    }

    /// A new I32 tensor with these elements in row-major order, owned by `arena`.
    public static Tensor of(Arena arena, Shape shape, int... values) {
        check(values.length == shape.size(), "tensor %s needs %d values, found %d", shape, shape.size(), values.length);
        Tensor tensor = zeros(arena, DType.I32, shape);
        MemorySegment.copy(values, 0, tensor.data, JAVA_INT, 0, values.length);
        return tensor;
    }

    public TensorType type() {
        return type;
    }

    public DType dtype() {
        return type.dtype();
    }

    public Shape shape() {
        return type.shape();
    }

    /// Distance in elements between neighbours along an axis; a negative `axis` counts from the end.
    public long stride(int axis) {
        return strides[axis < 0 ? axis + strides.length : axis];
    }

    /// The memory from this tensor's first element on.
    public MemorySegment data() {
        return data;
    }

    /// Whether the elements lie in row-major order without gaps.
    public boolean isContiguous() {
        long wanted = 1;
        for (int axis = strides.length - 1; axis >= 0; axis--) {
            if (shape().axis(axis) != 1 && strides[axis] != wanted) {
                return false;
            }
            wanted *= shape().axis(axis);
        }
        return true;
    }

    /// Distance in elements between neighbouring rows when all axes but the last are flattened, or −1 where that is not one number.
    public long rowStride() {
        long stride = -1;
        long wanted = -1;
        for (int axis = strides.length - 2; axis >= 0; axis--) {
            if (shape().axis(axis) == 1) {
                continue;
            }
            if (stride < 0) {
                stride = strides[axis];
            } else if (strides[axis] != wanted) {
                return -1;
            }
            wanted = strides[axis] * shape().axis(axis);
        }
        return stride < 0 ? shape().last() : stride;
    }

    /// The same elements under another shape of the same size; only of a contiguous tensor.
    public Tensor reshape(long... sizes) {
        return reshape(Shape.of(sizes));
    }

    /// The same elements under another shape of the same size; only of a contiguous tensor.
    public Tensor reshape(Shape shape) {
        check(isContiguous(), "reshape of %s to %s: the tensor is a view with gaps", type, shape);
        check(shape.size() == shape().size(), "reshape of %s to %s: %d elements, wanted %d", type, shape, shape.size(), shape().size());
        return new Tensor(new TensorType(dtype(), shape), rowMajor(shape), data);
    }

    /// The part `from` (inclusive) to `to` (exclusive) of one axis, a view.
    public Tensor slice(int axis, long from, long to) {
        int index = axis < 0 ? axis + strides.length : axis;
        check(0 <= from && from <= to && to <= shape().axis(index), "slice %d..%d of axis %d of %s", from, to, axis, type);
        return new Tensor(new TensorType(dtype(), shape().with(index, to - from)), strides, data.asSlice(from * strides[index] * dtype().bytes()));
    }

    /// One index of the first axis, a view without that axis.
    public Tensor at(long index) {
        Tensor one = slice(0, index, index + 1);
        return new Tensor(new TensorType(dtype(), shape().part(1, shape().rank())), java.util.Arrays.copyOfRange(strides, 1, strides.length), one.data);
    }

    /// The same type and strides over other memory outside of the heap, which must be at least as large as this tensor's segment.
    public Tensor over(MemorySegment other) {
        checkNative(type, other);
        check(other.byteSize() >= data.byteSize(), "tensor %s spans %d bytes, the other segment has %d", type, data.byteSize(), other.byteSize());
        return new Tensor(type, strides, other);
    }

    private static void checkNative(TensorType type, MemorySegment data) {
        check(data.isNative(), "tensor %s lies on the heap, wanted memory outside of it, as an arena allocates", type);
    }

    /// One F32 element by its indices, for tests and small host loops.
    public float getFloat(long... indices) {
        check(dtype() == DType.F32, "getFloat of %s", type);
        return data.getAtIndex(JAVA_FLOAT, offset(indices));
    }

    /// One I32 element by its indices, for tests and small host loops.
    public int getInt(long... indices) {
        check(dtype() == DType.I32, "getInt of %s", type);
        return data.getAtIndex(JAVA_INT, offset(indices));
    }

    /// Sets one F32 element by its indices.
    public void setFloat(float value, long... indices) {
        check(dtype() == DType.F32, "setFloat of %s", type);
        data.setAtIndex(JAVA_FLOAT, offset(indices), value);
    }

    /// The F32 elements in row-major order, a copy on the heap.
    public float[] toFloats() {
        check(dtype() == DType.F32, "toFloats of %s", type);
        float[] values = new float[Math.toIntExact(shape().size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = data.getAtIndex(JAVA_FLOAT, offsetOf(i));
        }
        return values;
    }

    /// Offset in elements, from the start of [#data], of the element with this row-major index.
    public long offsetOf(long index) {
        long offset = 0;
        for (int axis = strides.length - 1; axis >= 0 && index > 0; axis--) {        // of a tensor without elements, only where it starts
            long size = shape().axis(axis);
            offset += index % size * strides[axis];
            index /= size;
        }
        return offset;
    }

    private long offset(long... indices) {
        check(indices.length == strides.length, "%d indices for %s", indices.length, type);
        long offset = 0;
        for (int axis = 0; axis < strides.length; axis++) {
            java.util.Objects.checkIndex(indices[axis], shape().axis(axis));
            offset += indices[axis] * strides[axis];
        }
        return offset;
    }

    private static long[] rowMajor(Shape shape) {
        long[] strides = new long[shape.rank()];
        long stride = 1;
        for (int axis = strides.length - 1; axis >= 0; axis--) {
            strides[axis] = stride;
            stride *= shape.axis(axis);
        }
        return strides;
    }

    /// For example `F32 [8, 512]`.
    @Override public String toString() {
        return type.toString();
    }
}
