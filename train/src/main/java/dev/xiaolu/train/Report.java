package dev.xiaolu.train;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.ToDoubleFunction;

/// A run on one page: a single HTML file with its style sheet and its charts inside, which asks for nothing from anywhere.
///
/// @param name        name of the run
/// @param state       where it stands, in words: `finished`, `stopped after step 40`
/// @param config      its config
/// @param facts       what a reader should know first, by name: model, corpus, tokenizer
/// @param environment what it ran on, by name
/// @param digests     digests by name
/// @param heldOut     the last look at files never trained on
/// @param metrics     every step, in order
/// @param samples     what the model wrote on the way, in order
/// @param profile     where the time of a step goes, if that was measured
public record Report(String name, String state, RunConfig config, Map<String, String> facts, Map<String, String> environment, Map<String, String> digests, Optional<HeldOut> heldOut,
        List<Metrics> metrics, List<DrawnSample> samples, Optional<StepProfile> profile) {
    /// The page.
    public String html() {
        var out = new StringBuilder("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        out.append("<title>").append(Html.escape(name)).append(" · Xiaolu</title>\n<style>\n").append(style()).append("</style>\n</head>\n<body>\n<main>\n");
        head(out);
        tiles(out);
        charts(out);
        samples(out);
        tables(out);
        return out.append("</main>\n</body>\n</html>\n").toString();
    }

    private void head(StringBuilder out) {
        out.append("<header>\n<p class=\"brand\">Xiaolu · training run</p>\n<h1>").append(Html.escape(name)).append("</h1>\n");
        out.append("<p class=\"state\"><span class=\"dot ").append(state.startsWith("finished") ? "done" : "open").append("\"></span>").append(Html.escape(state)).append("</p>\n<dl class=\"facts\">\n");
        facts.forEach((what, text) -> out.append("<div><dt>").append(Html.escape(what)).append("</dt><dd>").append(Html.escape(text)).append("</dd></div>\n"));
        out.append("</dl>\n</header>\n");
    }

    private void tiles(StringBuilder out) {
        out.append("<section class=\"tiles\">\n");
        if (heldOut.isPresent()) {
            HeldOut seen = heldOut.get();
            tile(out, "tile hero", text("%.3f", seen.bitsPerByte()), "bits per byte on held-out files",
                    text("%s of text in %,d file%s never trained on · loss %.3f · 8 bits would be no model at all", bytes(seen.bytes()), seen.files(), seen.files() == 1 ? "" : "s", seen.loss()));
        }
        if (!metrics.isEmpty()) {
            Metrics last = metrics.getLast();
            tile(out, "tile", text("%.3f", lastLoss()), "training loss", text("from %.3f at step %d; mean of the last steps", metrics.getFirst().loss(), metrics.getFirst().step()));
            tile(out, "tile", ProgressLine.count(median(Metrics::tokensPerSecond)), "tokens a second", Double.isNaN(median(Metrics::mfu)) ? "median of all steps"
                    : text("%.0f%% of this machine's measured peak", 100 * median(Metrics::mfu)));
            double seconds = metrics.stream().mapToDouble(Metrics::stepSeconds).filter(Double::isFinite).sum();
            tile(out, "tile", ProgressLine.duration(seconds), "spent in steps", text("%,d steps, %s tokens", last.step(), ProgressLine.count(last.tokens())));
        }
        out.append("</section>\n");
    }

    private static void tile(StringBuilder out, String style, String number, String what, String detail) {
        out.append("<div class=\"%s\"><p class=\"number\">%s</p><p class=\"what\">%s</p><p class=\"detail\">%s</p></div>\n".formatted(style, Html.escape(number), Html.escape(what), Html.escape(detail)));
    }

    private void charts(StringBuilder out) {
        out.append("<section class=\"charts\">\n");
        Figures.loss(out, series(Metrics::loss), series(row -> row.validationLoss().orElse(Double.NaN)));
        Figures.chart(out, "Bits per byte", "on held-out text, by step", false, new Chart.Line("held-out", "two", series(row -> row.bitsPerByte().orElse(Double.NaN)), true));
        List<double[]> speed = series(Metrics::tokensPerSecond);
        Figures.chart(out, "Throughput", "tokens a second, by step", true, new Chart.Line("each step", "raw", speed, false), new Chart.Line("smoothed", "three", Chart.smoothed(speed), false));
        Figures.chart(out, "Learning rate", "by step", true, new Chart.Line("learning rate", "four", series(Metrics::learningRate), false));
        List<double[]> norm = series(Metrics::gradNorm);
        Figures.chart(out, "Gradient norm", "before clipping, by step", true, new Chart.Line("each step", "raw", norm, false), new Chart.Line("smoothed", "five", Chart.smoothed(norm), false));
        terms(out);
        experts(out);
        profile.ifPresent(measured -> Figures.profile(out, measured));
        out.append("</section>\n");
    }

    /// A chart for each of the other losses, under its name in the metrics.
    private void terms(StringBuilder out) {
        var names = new TreeSet<String>();
        metrics.forEach(row -> names.addAll(row.terms().keySet()));
        for (String name : names) {
            List<double[]> term = series(row -> row.terms().getOrDefault(name, Double.NaN));
            Figures.chart(out, name, "before its weight, by step", false, new Chart.Line("each step", "raw", term, false),
                    new Chart.Line("smoothed", "one", Chart.smoothed(term), false));
        }
    }

    /// How evenly experts are used: over the steps, and in the last of them expert by expert.
    private void experts(StringBuilder out) {
        Figures.chart(out, "Evenness of experts", "entropy of their load, 1 is even, by step", false,
                new Chart.Line("entropy", "three", series(row -> row.routers().map(RouterHealth::entropy).orElse(Double.NaN)), false));
        Figures.chart(out, "Busiest expert", "load above the mean, as a part of it, by step", true,
                new Chart.Line("worst layer", "raw", series(row -> row.routers().map(RouterHealth::maxViolation).orElse(Double.NaN)), false),
                new Chart.Line("mean of layers", "five", series(row -> row.routers().map(RouterHealth::meanViolation).orElse(Double.NaN)), false));
        Figures.chart(out, "Biases of the routers", "lowest and highest, by step", false,
                new Chart.Line("lowest", "two", series(row -> row.routers().map(RouterHealth::lowestBias).orElse(Double.NaN)), false),
                new Chart.Line("highest", "four", series(row -> row.routers().map(RouterHealth::highestBias).orElse(Double.NaN)), false));
        List<RouterHealth> last = lastSteps().stream().flatMap(row -> row.routers().stream()).toList();
        if (!last.isEmpty()) {
            long dropped = metrics.stream().flatMap(row -> row.routers().stream()).mapToLong(RouterHealth::dropped).sum();
            Figures.load(out, text("as a part of the mean, in the last %,d steps; %,d choices dropped in all steps", last.size(), dropped), last);
        }
    }

    private void samples(StringBuilder out) {
        if (samples.isEmpty()) {
            return;
        }
        long last = samples.getLast().step();
        out.append("<section>\n<h2>What the model writes</h2>\n<p class=\"note\">The prompt is grey; the rest is the model's. Latest first.</p>\n<div class=\"samples\">\n");
        for (DrawnSample sample : samples.stream().filter(sample -> sample.step() == last).toList()) {
            sample(out, sample);
        }
        out.append("</div>\n");
        List<DrawnSample> earlier = new ArrayList<>(samples.stream().filter(sample -> sample.step() != last).toList());
        if (!earlier.isEmpty()) {
            out.append("<details").append(earlier.size() <= 6 ? " open" : "").append("><summary>Earlier samples (").append(earlier.size()).append(")</summary>\n<div class=\"samples\">\n");
            earlier.reversed().forEach(sample -> sample(out, sample));
            out.append("</div>\n</details>\n");
        }
        out.append("</section>\n");
    }

    private static void sample(StringBuilder out, DrawnSample sample) {
        out.append("<article><h3>step ").append(text("%,d", sample.step())).append("</h3><pre><span class=\"prompt\">").append(Html.escape(sample.prompt())).append("</span>")
                .append(Html.escape(sample.text())).append("</pre></article>\n");
    }

    private void tables(StringBuilder out) {
        out.append("<section class=\"columns\">\n");
        table(out, "Digests", digests, "hex");
        table(out, "Environment", environment, "");
        out.append("</section>\n<section>\n<h2>Config</h2>\n<div class=\"config\">\n");
        String section = "";
        for (Map.Entry<String, Object> setting : Settings.values(config).entrySet()) {
            int dot = setting.getKey().indexOf('.');
            if (!setting.getKey().substring(0, dot).equals(section)) {
                out.append(section.isEmpty() ? "" : "</table></div>\n");
                section = setting.getKey().substring(0, dot);
                out.append("<div><h3>").append(Html.escape(section)).append("</h3><table>\n");
            }
            out.append("<tr><th>").append(Html.escape(setting.getKey().substring(dot + 1))).append("</th><td>").append(Html.escape(shown(setting.getValue()))).append("</td></tr>\n");
        }
        out.append("</table></div>\n</div>\n</section>\n");
    }

    private static void table(StringBuilder out, String title, Map<String, String> rows, String style) {
        if (!rows.isEmpty()) {
            out.append("<div><h2>").append(title).append("</h2>\n<table>\n");
            rows.forEach((what, value) -> out.append("<tr><th>").append(Html.escape(what)).append("</th><td class=\"").append(style).append("\">").append(Html.escape(value)).append("</td></tr>\n"));
            out.append("</table></div>\n");
        }
    }

    private static String shown(Object value) {
        if (value instanceof Double number) {
            return Settings.word(number);
        }
        return value instanceof List<?> list ? String.join(" · ", list.stream().map(element -> element.toString().replace("\n", "\\n")).toList()) : value.toString();
    }

    private List<double[]> series(ToDoubleFunction<Metrics> value) {
        return metrics.stream().map(row -> new double[] {row.step(), value.applyAsDouble(row)}).filter(point -> Double.isFinite(point[1])).toList();
    }

    /// The last twentieth.
    private List<Metrics> lastSteps() {
        return metrics.subList(Math.max(0, metrics.size() - Math.max(1, metrics.size() / 20)), metrics.size());
    }

    private double lastLoss() {
        return lastSteps().stream().mapToDouble(Metrics::loss).average().orElse(Double.NaN);
    }

    private double median(ToDoubleFunction<Metrics> value) {
        double[] sorted = metrics.stream().mapToDouble(value).filter(Double::isFinite).sorted().toArray();
        return sorted.length == 0 ? Double.NaN : sorted[sorted.length / 2];
    }

    private static String bytes(long bytes) {
        return bytes >= 1_000_000 ? text("%.1f MB", bytes / 1e6) : bytes >= 1000 ? text("%.0f kB", bytes / 1e3) : bytes + " bytes";
    }

    private static String text(String format, Object... args) {
        return String.format(Locale.ROOT, format, args);
    }

    /// The style sheet, which other pages share.
    public static String style() {
        try (InputStream in = Report.class.getResourceAsStream("report.css")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException broken) {
            throw new UncheckedIOException("report.css cannot be read from the program's own files", broken);
        }
    }
}
