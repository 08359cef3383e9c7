package dev.xiaolu.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import tools.jackson.databind.ObjectMapper;

/// Whether kernels keep their distance from baselines of the same run, and leave no garbage.
///
/// @param setting what it ran on, in order
/// @param speeds  one for each kernel and baseline
/// @param garbage one for each kernel
public record GuardReport(Map<String, String> setting, List<Speed> speeds, List<Garbage> garbage) {
    private static final ObjectMapper JSON = new ObjectMapper();

    /// A kernel beside its baseline.
    ///
    /// @param row   what was measured, the last time
    /// @param least the ratio wanted: a fraction of the usual one, so that no noise reaches it and no lost kernel passes it
    /// @param tries how often it was measured, until it held or was given up
    public record Speed(BenchReport.Row row, double least, int tries) {
        public boolean holds() {
            return row.ratio() >= least;
        }
    }

    /// What a warm kernel leaves on the heap.
    ///
    /// @param subject which kernel
    /// @param bytes   a call, all threads together, the least of several rounds
    /// @param most    bytes of bookkeeping that it may leave; vectors that became objects make far more
    public record Garbage(String subject, long bytes, long most) {
        public boolean holds() {
            return bytes <= most;
        }
    }

    /// Whether every row holds.
    public boolean holds() {
        return speeds.stream().allMatch(Speed::holds) && garbage.stream().allMatch(Garbage::holds);
    }

    /// The rows as texts, headings first.
    public List<List<String>> table() {
        var table = new ArrayList<List<String>>();
        table.add(List.of("what", "unit", "xiaolu", "baseline", "its", "ratio", "spread", "wanted", "verdict"));
        for (Speed speed : speeds) {
            BenchReport.Row row = speed.row;
            table.add(List.of(row.subject(), row.unit(), number(row.ours()), row.rival(), number(row.theirs()), ratio(row.ratio()), ratio(row.lowest()) + " to " + ratio(row.highest()),
                    "at least " + ratio(speed.least), verdict(speed.holds()) + (speed.tries > 1 ? ", after " + speed.tries + " tries" : "")));
        }
        for (Garbage left : garbage) {
            table.add(List.of(left.subject, "bytes a call", Long.toString(left.bytes), "", "", "", "", "at most " + left.most, verdict(left.holds())));
        }
        return table;
    }

    /// The whole report as JSON, one object.
    public String json() {
        return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(this);
    }

    private static String verdict(boolean holds) {
        return holds ? "ok" : "MISSED";
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, value < 100 ? "%.1f" : "%.0f", value);
    }

    private static String ratio(double value) {
        return String.format(Locale.ROOT, value < 100 ? "%.2f" : "%.0f", value);
    }
}
