package dev.xiaolu.testkit;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Tensors for tests, drawn from a seed: the n-th tensor asked for depends on the seed and on n alone.
///
/// The memory belongs to `arena`. Tensors end exactly where their memory ends, so that reading past them is an error. One thread at a time.
public final class Inputs {
    /// What the floats of a tensor look like.
    public enum Values {
        /// Around 0 with deviation near 1, as activations are.
        NORMAL {
            @Override float next(long bits) {
                long sum = (bits & 0xFFFF) + (bits >>> 16 & 0xFFFF) + (bits >>> 32 & 0xFFFF) + (bits >>> 48);
                return (sum - 2 * 0xFFFF) * 0x1.bcp-16f;
            }
        },
        /// Any finite exponent, both signs: huge, tiny, denormal, and zeros of both signs.
        WIDE {
            @Override float next(long bits) {
                int chosen = (int) (bits >>> 32) & 0x7FFFFFFF;
                int sign = (int) bits & 0x80000000;
                if ((bits & 15) == 0) {
                    return Float.intBitsToFloat(sign);
                }
                return Float.intBitsToFloat(sign | chosen % 0x7F800000);
            }
        },
        /// As `WIDE`, with infinities, NaN and the largest and smallest magnitudes among them.
        WILD {
            @Override float next(long bits) {
                return (bits >>> 4 & 7) == 0 ? SPECIAL[(int) (bits >>> 8 & 7)] : WIDE.next(bits);
            }
        },
        /// As `NORMAL`, with a few infinities, NaN and huge numbers among them.
        SPIKED {
            @Override float next(long bits) {
                long other = RandomKey.mix(bits);
                return (other & 63) == 0 ? SPECIAL[(int) (other >>> 8 & 7)] : NORMAL.next(bits);
            }
        };

        private static final float[] SPECIAL = {
            Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.NaN, Float.MAX_VALUE, -Float.MAX_VALUE, Float.MIN_VALUE, -Float.MIN_VALUE, Float.MIN_NORMAL};

        abstract float next(long bits);
    }

    private static final int GAP_BITS = 0x7FABCDEF;                // a NaN: a kernel that reads a gap spoils its result

    private final Arena arena;
    private final long seed;
    private long tensors;

    public Inputs(Arena arena, long seed) {
        this.arena = arena;
        this.seed = seed;
    }

    /// The seed, for the line that replays a failure.
    public long seed() {
        return seed;
    }

    /// F32 `NORMAL` values, contiguous.
    public Tensor normal(long... sizes) {
        return floats(Values.NORMAL, Shape.of(sizes));
    }

    /// F32 values of a kind, contiguous.
    public Tensor floats(Values values, Shape shape) {
        Tensor tensor = empty(new TensorType(DType.F32, shape));
        RandomKey key = nextKey();
        for (long i = 0; i < shape.size(); i++) {
            tensor.data().setAtIndex(JAVA_FLOAT, i, values.next(RandomKey.mix(key.word() + i * 0x9E3779B97F4A7C15L)));
        }
        return tensor;
    }

    /// I32 values from `from` (inclusive) to `to` (exclusive), contiguous.
    public Tensor ints(int from, int to, long... sizes) {
        Shape shape = Shape.of(sizes);
        Tensor tensor = empty(new TensorType(DType.I32, shape));
        RandomKey key = nextKey();
        for (long i = 0; i < shape.size(); i++) {
            long bits = RandomKey.mix(key.word() + i * 0x9E3779B97F4A7C15L);
            tensor.data().setAtIndex(JAVA_INT, i, from + (int) ((bits >>> 33) % (to - from)));
        }
        return tensor;
    }

    /// I32 `[rows, count]`: for each row so many distinct indices below `experts`, ascending, as a router chooses them; low ones are likelier.
    public Tensor chosen(int rows, int count, int experts) {
        Tensor tensor = empty(new TensorType(DType.I32, Shape.of(rows, count)));
        RandomKey key = nextKey();
        for (int row = 0; row < rows; row++) {
            int k = 0;
            for (int expert = 0; expert < experts; expert++) {
                long bits = RandomKey.mix(key.word() + ((long) row * experts + expert) * 0x9E3779B97F4A7C15L) >>> 40;
                if (k < count && (experts - expert == count - k || bits % (experts + expert) < 2L * count)) {
                    tensor.data().setAtIndex(JAVA_INT, (long) row * count + k++, expert);
                }
            }
        }
        return tensor;
    }

    /// Random bits of any type (`BOOL`: 0 or 1), contiguous.
    public Tensor bits(DType dtype, long... sizes) {
        Tensor tensor = empty(new TensorType(dtype, Shape.of(sizes)));
        RandomKey key = nextKey();
        for (long i = 0; i < tensor.shape().size(); i++) {
            long bits = RandomKey.mix(key.word() + i * 0x9E3779B97F4A7C15L);
            switch (dtype) {
                case F32, I32 -> tensor.data().setAtIndex(JAVA_INT, i, (int) bits);
                case BF16 -> tensor.data().setAtIndex(JAVA_SHORT, i, (short) bits);
                case I64 -> tensor.data().setAtIndex(JAVA_LONG, i, bits);
                case F8_E4M3, F8_E8M0, I8 -> tensor.data().set(JAVA_BYTE, i, (byte) bits);
                case BOOL -> tensor.data().set(JAVA_BYTE, i, (byte) (bits & 1));
            }
        }
        return tensor;
    }

    /// A view with the elements of a contiguous tensor, but gaps behind every axis except the first; the gaps of F32 tensors are NaN. Without rows, the tensor itself.
    public Tensor view(Tensor contiguous) {
        Shape shape = contiguous.shape();
        if (shape.rank() < 2 || shape.axis(0) == 0) {
            return contiguous;
        }
        Shape wide = shape;
        for (int axis = 1; axis < shape.rank(); axis++) {
            wide = wide.with(axis, shape.axis(axis) + (axis == shape.rank() - 1 ? 5 : 1));
        }
        Tensor view = empty(new TensorType(contiguous.dtype(), wide));
        long bytes = contiguous.dtype().bytes();
        for (long i = 0; i < view.data().byteSize() / 4; i++) {
            view.data().setAtIndex(JAVA_INT, i, GAP_BITS);
        }
        for (int axis = 1; axis < shape.rank(); axis++) {
            view = view.slice(axis, axis == shape.rank() - 1 ? 3 : 0, shape.axis(axis) + (axis == shape.rank() - 1 ? 3 : 0));
        }
        for (long i = 0; i < shape.size(); i++) {
            MemorySegment.copy(contiguous.data(), i * bytes, view.data(), view.offsetOf(i) * bytes, bytes);
        }
        return view;
    }

    /// A tensor with the same type, strides and memory contents in memory of its own, gaps included.
    public Tensor copy(Tensor tensor) {
        return tensor.over(arena.allocate(Math.max(1, tensor.data().byteSize()), 64).asSlice(0, tensor.data().byteSize()).copyFrom(tensor.data()));
    }

    private Tensor empty(TensorType type) {
        return Tensor.of(type, arena.allocate(Math.max(1, type.bytes()), 64).asSlice(0, type.bytes()));
    }

    private RandomKey nextKey() {
        return RandomKey.ofSeed(seed).at(tensors++);
    }
}
