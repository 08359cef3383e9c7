package dev.xiaolu.testkit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Tensor;
import java.util.Arrays;
import java.util.Locale;

/// How far a tensor is from a recorded one. Equal infinities do not differ, NaN does not differ from NaN.
///
/// @param what            the tensor's name, for messages
/// @param largest         the largest absolute difference; infinite where one side is NaN or an infinity that the other has not
/// @param at              row-major index of that element
/// @param wanted          the recorded element there
/// @param found           the other element there
/// @param shape           the shape of both
/// @param largestWanted   the largest finite magnitude recorded
/// @param relativeOfNorms `‖found − wanted‖ / ‖wanted‖` over the finite elements; 0 for two tensors of zeros
public record Difference(String what, double largest, long at, float wanted, float found, Shape shape, double largestWanted, double relativeOfNorms) {
    /// Compares two F32 tensors, which must have one shape.
    public static Difference of(String what, Tensor wanted, Tensor found) {
        if (!wanted.type().equals(found.type()) || wanted.dtype() != DType.F32) {
            throw new AssertionError(what + ": wanted " + wanted + ", found " + found + ", both must be F32 of one shape");
        }
        double largest = 0;
        double largestWanted = 0;
        double squares = 0;
        double squaresOfDifference = 0;
        long at = 0;
        for (long i = 0; i < wanted.shape().size(); i++) {
            float a = element(wanted, i);
            float b = element(found, i);
            double distance = Float.compare(a, b) == 0 ? 0 : Math.abs((double) a - b);
            distance = Double.isNaN(distance) ? Double.POSITIVE_INFINITY : distance;
            if (distance > largest) {
                largest = distance;
                at = i;
            }
            if (Float.isFinite(a)) {
                largestWanted = Math.max(largestWanted, Math.abs(a));
                squares += (double) a * a;
                squaresOfDifference += distance * distance;
            }
        }
        boolean empty = wanted.shape().size() == 0;
        double relative = squaresOfDifference == 0 ? 0 : Math.sqrt(squaresOfDifference / squares);
        return new Difference(what, largest, at, empty ? 0 : element(wanted, at), empty ? 0 : element(found, at), wanted.shape(), largestWanted, relative);
    }

    /// Fails unless every element of `found` is within `tolerance` of the recorded one.
    public static void assertWithin(double tolerance, String what, Tensor wanted, Tensor found) {
        of(what, wanted, found).atMost(tolerance);
    }

    /// Fails unless every element is within `tolerance` times the largest recorded magnitude.
    public static void assertWithinOfLargest(double tolerance, String what, Tensor wanted, Tensor found) {
        Difference difference = of(what, wanted, found);
        difference.atMost(tolerance * difference.largestWanted);
    }

    /// Fails unless `‖found − wanted‖ ≤ tolerance · ‖wanted‖`.
    public static void assertRelativeOfNorms(double tolerance, String what, Tensor wanted, Tensor found) {
        Difference difference = of(what, wanted, found);
        if (!(difference.relativeOfNorms <= tolerance) || difference.largest == Double.POSITIVE_INFINITY) {
            throw new AssertionError(String.format(Locale.ROOT, "%s; wanted a relative difference of norms of at most %.3g", difference, tolerance));
        }
    }

    private void atMost(double tolerance) {
        if (!(largest <= tolerance)) {
            throw new AssertionError(String.format(Locale.ROOT, "%s; wanted at most %.3g", this, tolerance));
        }
    }

    private static float element(Tensor tensor, long index) {
        return tensor.data().getAtIndex(JAVA_FLOAT, tensor.offsetOf(index));
    }

    /// For example `y [3, 5, 70] differs by 0.125 at [0, 4, 69]: wanted 1.0, found 1.125 (largest recorded 2.75, norms differ by 0.0031)`.
    @Override public String toString() {
        return String.format(Locale.ROOT, "%s %s differs by %.3g at %s: wanted %s, found %s (largest recorded %.3g, norms differ by %.3g)",
                what, shape, largest, Arrays.toString(indices()), wanted, found, largestWanted, relativeOfNorms);
    }

    private long[] indices() {
        long[] indices = new long[shape.rank()];
        long rest = at;
        for (int axis = indices.length - 1; axis >= 0; axis--) {
            long size = Math.max(1, shape.axis(axis));
            indices[axis] = rest % size;
            rest /= size;
        }
        return indices;
    }
}
