package dev.xiaolu.tensor;

import static java.lang.foreign.ValueLayout.JAVA_INT;

/// The indices that a router made: one set of checks for every backend.
public final class ChosenExperts {
    private ChosenExperts() {}

    /// The `k`-th expert of a row; throws [IndexOutOfBoundsException] naming it where there is no such expert.
    ///
    /// @param chosen I32 `[rows, count]`
    public static int at(Tensor chosen, long row, long k, long experts) {
        int expert = chosen.data().getAtIndex(JAVA_INT, row * chosen.stride(0) + k);
        if (expert < 0 || expert >= experts) {
            throw new IndexOutOfBoundsException("expert " + expert + " of row " + row + ", wanted 0 to " + (experts - 1));
        }
        return expert;
    }

    /// The `k`-th expert of a row, which must be greater than the one before it too.
    public static int ascending(Tensor chosen, long row, long k, long experts) {
        int expert = at(chosen, row, k, experts);
        if (k > 0 && expert <= at(chosen, row, k - 1, experts)) {
            throw new IndexOutOfBoundsException("expert " + expert + " of row " + row + " follows " + at(chosen, row, k - 1, experts)
                    + ", wanted the experts of a row in ascending order");
        }
        return expert;
    }

    /// The place of a token's `k`-th copy; throws [IndexOutOfBoundsException] naming it where there is none.
    ///
    /// @param places I32 `[rows, count]`
    public static int place(Tensor places, long row, long k) {
        int place = places.data().getAtIndex(JAVA_INT, row * places.stride(0) + k);
        if (place < 0 || place >= places.shape().size()) {
            throw new IndexOutOfBoundsException("place " + place + " of row " + row + ", wanted 0 to " + (places.shape().size() - 1));
        }
        return place;
    }

    /// Throws [IndexOutOfBoundsException] unless offsets ascend from 0 to `pairs`.
    ///
    /// @param offsets I32 `[experts + 1]`
    public static void checkOffsets(Tensor offsets, long pairs) {
        long last = offsets.shape().size() - 1;
        int before = 0;
        for (long i = 0; i <= last; i++) {
            int offset = offsets.data().getAtIndex(JAVA_INT, i);
            if (offset < before || i == 0 && offset != 0 || i == last && offset != pairs) {
                throw new IndexOutOfBoundsException("offset " + offset + " at " + i + ", wanted offsets that ascend from 0 to " + pairs);
            }
            before = offset;
        }
    }

    /// Throws [IndexOutOfBoundsException] unless the numbers of each expert's pairs ascend.
    ///
    /// @param order   I32 `[pairs]`
    /// @param offsets I32 `[experts + 1]`, which [#checkOffsets] has seen
    public static void checkOrder(Tensor order, Tensor offsets) {
        for (long expert = 0; expert < offsets.shape().size() - 1; expert++) {
            for (long place = offsets.data().getAtIndex(JAVA_INT, expert) + 1L; place < offsets.data().getAtIndex(JAVA_INT, expert + 1); place++) {
                int before = order.data().getAtIndex(JAVA_INT, place - 1);
                int number = order.data().getAtIndex(JAVA_INT, place);
                if (number <= before) {
                    throw new IndexOutOfBoundsException("pair " + number + " at " + place + " follows " + before + " of the same expert " + expert
                            + ", wanted ascending numbers");
                }
            }
        }
    }
}
