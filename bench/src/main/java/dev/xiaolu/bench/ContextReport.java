package dev.xiaolu.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import tools.jackson.databind.ObjectMapper;

/// What decoding costs as the context grows.
///
/// @param setting what it ran on, in order
/// @param rows    one for each position, ascending
public record ContextReport(Map<String, String> setting, List<Row> rows) {
    private static final ObjectMapper JSON = new ObjectMapper();

    /// One position.
    ///
    /// @param position        tokens of context
    /// @param millis          median milliseconds of one token
    /// @param scanMillis      of those, the indexer's scan over all entries
    /// @param restMillis      median of the same tokens without the scan
    /// @param growth          `restMillis` relative to the first position's
    /// @param denseMillis     median milliseconds of one token with dense attention
    /// @param cacheBytes      bytes that the cache really holds, in F32, with room to grow
    /// @param fp8CacheBytes   bytes that its entries would take in the FP8 layout with an FP4 indexer
    /// @param bf16CacheBytes  the same in BF16
    /// @param denseCacheBytes bytes of the dense keys and values in F32
    /// @param flops           operations of one token, two for each multiply-add
    /// @param denseFlops      the same with dense attention
    public record Row(int position, double millis, double scanMillis, double restMillis, double growth, double denseMillis,
            long cacheBytes, long fp8CacheBytes, long bf16CacheBytes, long denseCacheBytes, double flops, double denseFlops) {}

    /// The rows as texts, headings first.
    public List<List<String>> table() {
        var table = new ArrayList<List<String>>();
        table.add(List.of("position", "ms/token", "scan", "without scan", "growth", "dense ms", "cache MiB", "in FP8", "in BF16", "dense MiB", "MFLOP", "dense MFLOP"));
        for (Row row : rows) {
            table.add(List.of(String.format(Locale.ROOT, "%,d", row.position), number(row.millis), number(row.scanMillis), number(row.restMillis), number(row.growth), number(row.denseMillis),
                    mebibytes(row.cacheBytes), mebibytes(row.fp8CacheBytes), mebibytes(row.bf16CacheBytes), mebibytes(row.denseCacheBytes), number(row.flops / 1e6), number(row.denseFlops / 1e6)));
        }
        return table;
    }

    /// The whole report as JSON, one object.
    public String json() {
        return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(this);
    }

    private static String mebibytes(long bytes) {
        return number(bytes / 1048576.0);
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, value < 10 ? "%.2f" : value < 100 ? "%.1f" : "%.0f", value);
    }
}
