package dev.xiaolu.shape;

import static dev.xiaolu.platform.Check.check;

import java.util.Arrays;
import java.util.stream.Collectors;

/// The sizes of a tensor's axes, outermost first; immutable. The shape of a scalar has no axes and size 1.
public final class Shape {
    private final long[] sizes;

    private Shape(long[] sizes) {
        long product = 1;
        for (long size : sizes) {
            if (size < 0) {                                      // asked first: the words are made for nobody else
                check(false, "shape %s has a negative axis", Arrays.toString(sizes));
            }
            try {
                product = Math.multiplyExact(product, size);
            } catch (ArithmeticException tooLarge) {
                throw new IllegalArgumentException("shape " + Arrays.toString(sizes) + " has more elements than fit in 63 bits", tooLarge);
            }
        }
        this.sizes = sizes;
    }

    /// A shape with these axis sizes, none negative.
    public static Shape of(long... sizes) {
        return new Shape(sizes.clone());
    }

    /// Number of axes.
    public int rank() {
        return sizes.length;
    }

    /// Size of one axis; a negative `axis` counts from the end, so `-1` is the last.
    public long axis(int axis) {
        return sizes[axis < 0 ? axis + sizes.length : axis];
    }

    /// Size of the last axis; 1 for a scalar.
    public long last() {
        return sizes.length == 0 ? 1 : sizes[sizes.length - 1];
    }

    /// Number of elements.
    public long size() {
        long product = 1;
        for (long size : sizes) {
            product *= size;
        }
        return product;
    }

    /// Number of rows: the product of all axes but the last.
    public long rows() {
        long product = 1;
        for (int axis = 0; axis < sizes.length - 1; axis++) {
            product *= sizes[axis];
        }
        return product;
    }

    /// This shape with one axis of another size.
    public Shape with(int axis, long size) {
        long[] copy = sizes.clone();
        copy[axis < 0 ? axis + sizes.length : axis] = size;
        return new Shape(copy);
    }

    /// This shape with one more axis in front.
    public Shape prepend(long size) {
        long[] copy = new long[sizes.length + 1];
        copy[0] = size;
        System.arraycopy(sizes, 0, copy, 1, sizes.length);
        return new Shape(copy);
    }

    /// The axes `from` (inclusive) to `to` (exclusive).
    public Shape part(int from, int to) {
        return new Shape(Arrays.copyOfRange(sizes, from, to));
    }

    /// The axis sizes, a copy.
    public long[] toArray() {
        return sizes.clone();
    }

    @Override public boolean equals(Object other) {
        return other instanceof Shape shape && Arrays.equals(sizes, shape.sizes);
    }

    @Override public int hashCode() {
        return Arrays.hashCode(sizes);
    }

    /// For example `[8, 512, 384]`.
    @Override public String toString() {
        return Arrays.stream(sizes).mapToObj(Long::toString).collect(Collectors.joining(", ", "[", "]"));
    }
}
