package dev.xiaolu.rank;

import java.util.Arrays;

/// When a loss is so far above those of the steps before that it had better be computed twice.
///
/// A leap of one nat, and of ten standard deviations as the median absolute deviation estimates them: the first leaves small models alone, whose losses lie close together, the second those whose losses scatter.
final class Spike {
    /// So many steps are compared with.
    static final int WINDOW = 32;
    /// The least leap, in nats.
    static final double LEAP = 1;

    private static final double DEVIATIONS = 10;
    private static final double NORMAL = 1.4826;                 // standard deviation of a normal distribution over its median absolute deviation

    private Spike() {}

    /// Whether `loss` leaps out of `before`.
    static boolean is(double[] before, double loss) {
        double median = median(before);
        double deviation = NORMAL * median(Arrays.stream(before).map(each -> Math.abs(each - median)).toArray());
        return loss > median + Math.max(LEAP, DEVIATIONS * deviation);
    }

    static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int half = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    }
}
