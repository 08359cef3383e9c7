package dev.xiaolu.bench;

import static dev.xiaolu.platform.Check.check;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import tools.jackson.databind.ObjectMapper;

/// What a bench found.
///
/// @param bench   its name: `gemm`, `train` or `decode`
/// @param setting what it ran on, in order
/// @param rows    one for each subject and rival
public record BenchReport(String bench, Map<String, String> setting, List<Row> rows) {
    private static final ObjectMapper JSON = new ObjectMapper();

    /// One subject, measured here and at one rival in the same rounds.
    ///
    /// @param subject what was measured, for example `1152 x 1152 x 1152 nn, 1 thread`
    /// @param unit    of the next two, for example `GFLOP/s`
    /// @param ours    median of the rounds
    /// @param rival   who else did the same work, or the limit it is compared with
    /// @param theirs  median of the rounds
    /// @param ratio   median of the rounds' ratios, ours to theirs
    /// @param lowest  the lowest ratio of a round
    /// @param highest the highest ratio of a round
    /// @param rounds  number of rounds
    public record Row(String subject, String unit, double ours, String rival, double theirs, double ratio, double lowest, double highest, int rounds) {
        /// The row of rounds measured in turns: `ours[i]` and `theirs[i]` are neighbours in time.
        public static Row of(String subject, String unit, double[] ours, String rival, double[] theirs) {
            check(ours.length == theirs.length && ours.length > 0, "%s: %d rounds here, %d at %s", subject, ours.length, theirs.length, rival);
            double[] ratios = new double[ours.length];
            for (int i = 0; i < ratios.length; i++) {
                ratios[i] = ours[i] / theirs[i];
            }
            return new Row(subject, unit, median(ours), rival, median(theirs), median(ratios),
                    Arrays.stream(ratios).min().orElseThrow(), Arrays.stream(ratios).max().orElseThrow(), ours.length);
        }
    }

    /// The rows as texts, headings first.
    public List<List<String>> table() {
        var table = new ArrayList<List<String>>();
        table.add(List.of("what", "unit", "xiaolu", "rival", "theirs", "ratio", "spread"));
        for (Row row : rows) {
            table.add(List.of(row.subject, row.unit, number(row.ours), row.rival, number(row.theirs), String.format(Locale.ROOT, "%.2f", row.ratio),
                    String.format(Locale.ROOT, "%.2f to %.2f", row.lowest, row.highest)));
        }
        return table;
    }

    /// The whole report as JSON, one object.
    public String json() {
        return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(this);
    }

    static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, value < 100 ? "%.1f" : "%.0f", value);
    }
}
