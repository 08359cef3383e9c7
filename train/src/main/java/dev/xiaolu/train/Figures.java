package dev.xiaolu.train;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

/// Charts and maps with their captions, as parts of a page in the style of [Report#style].
public final class Figures {
    private Figures() {}

    /// The curves of a run so far, and how it uses its experts where it has any; an empty text before the first step.
    public static String live(MetricsTail tail) {
        var out = new StringBuilder();
        loss(out, tail.loss().stream().filter(point -> Double.isFinite(point[1])).toList(), tail.validation());
        List<RouterHealth> last = tail.last().stream().flatMap(row -> row.routers().stream()).toList();
        if (!last.isEmpty()) {
            load(out, String.format(Locale.ROOT, "as a part of the mean, in the last %,d steps", last.size()), last);
        }
        return out.toString();
    }

    /// Training loss, and that of held-out text.
    static void loss(StringBuilder out, List<double[]> loss, List<double[]> validation) {
        chart(out, "Loss", "nats per token, by step", false, new Chart.Line("each step", "raw", loss, false), new Chart.Line("smoothed", "one", Chart.smoothed(loss), false),
                new Chart.Line("held-out", "two", validation, true));
    }

    /// The load of each expert, summed over steps.
    static void load(StringBuilder out, String note, List<RouterHealth> steps) {
        out.append("<figure class=\"wide\"><figcaption><b>Load of each expert</b> <span>").append(note)
                .append("</span></figcaption>\n").append(HeatMap.svg("Load of each expert", sums(steps))).append("</figure>\n");
    }

    /// Where the time of a step goes.
    static void profile(StringBuilder out, StepProfile profile) {
        String title = "Where the time of a step goes";
        out.append("<figure class=\"wide\"><figcaption><b>").append(title).append("</b> <span>")
                .append(String.format(Locale.ROOT, "mean of steps %,d to %,d, %.1f ms each; below a part its operators, below these their shapes; blank: between operators", profile.first(), profile.last(), 1e3 * profile.step().seconds()))
                .append("</span></figcaption>\n").append(FlameChart.svg(title, profile)).append("</figure>\n");
    }

    private static Map<String, List<Long>> sums(List<RouterHealth> steps) {
        var sums = new LinkedHashMap<String, List<Long>>();
        for (RouterHealth step : steps) {
            step.load().forEach((layer, load) -> sums.merge(layer, load, (a, b) -> IntStream.range(0, a.size()).mapToObj(i -> a.get(i) + b.get(i)).toList()));
        }
        return sums;
    }

    /// A chart with caption and legend; nothing where no line has a point.
    static void chart(StringBuilder out, String title, String unit, boolean fromZero, Chart.Line... lines) {
        String svg = Chart.svg(title, List.of(lines), fromZero, title.equals("Loss"));
        if (svg.isEmpty()) {
            return;
        }
        out.append("<figure><figcaption><b>").append(Html.escape(title)).append("</b> <span>").append(Html.escape(unit)).append("</span>");
        if (lines.length > 1) {
            out.append("<span class=\"legend\">");
            for (Chart.Line line : lines) {
                if (!line.points().isEmpty()) {
                    out.append("<span><i class=\"").append(line.style()).append("\"></i>").append(Html.escape(line.label())).append("</span>");
                }
            }
            out.append("</span>");
        }
        out.append("</figcaption>\n").append(svg).append("</figure>\n");
    }
}
