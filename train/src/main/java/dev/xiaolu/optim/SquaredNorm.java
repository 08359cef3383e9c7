package dev.xiaolu.optim;

import static dev.xiaolu.platform.Check.check;

/// A squared norm as an integer sum, of the squares of blocks of 4096 elements in units of 2^−40, so that neither the order of blocks nor who summed them can matter.
///
/// Its range is 2^23; beyond, the norm is infinite. As three [#counts] it can be summed over ranks element by element. One thread at a time.
public final class SquaredNorm {
    /// How many numbers [#counts] gives.
    public static final int COUNTS = 3;

    private static final double UNIT = 0x1p-40;
    private static final long LOW = 0xFFFF_FFFFL;

    private long high;                                           // units / 2^32, and what is left, so that no sum of many ranks wraps around
    private long low;
    private long beyond;                                         // blocks that are out of range by themselves, or no number

    /// Adds the square of a block.
    void add(float square) {
        double units = Math.rint(square / UNIT);
        if (units < 0x1p62) {
            high += (long) units >>> 32;
            low += (long) units & LOW;
        } else {
            beyond++;
        }
    }

    /// What has been added so far.
    public long[] counts() {
        return new long[] {high, low, beyond};
    }

    /// The norm whose counts, or the sums of those of several ranks, begin at `from`.
    public static SquaredNorm of(long[] counts, int from) {
        check(counts.length - from >= COUNTS, "a squared norm is %d counts, found %d", COUNTS, counts.length - from);
        var norm = new SquaredNorm();
        norm.high = counts[from];
        norm.low = counts[from + 1];
        norm.beyond = counts[from + 2];
        return norm;
    }

    /// The norm itself.
    public double root() {
        long carried = high + (low >>> 32);
        return beyond == 0 && carried < 1L << 31 ? Math.sqrt((carried << 32 | low & LOW) * UNIT) : Double.POSITIVE_INFINITY;
    }
}
