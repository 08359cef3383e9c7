package dev.xiaolu.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// A line chart as inline SVG: grid, axes, lines, dots, and what a pointer shows as plain titles. Colours come from the page's style sheet.
final class Chart {
    /// One line of a chart.
    ///
    /// @param label  name in the legend
    /// @param style  class in the style sheet
    /// @param points pairs of step and value, in order of steps
    /// @param dots   whether points are drawn as dots
    record Line(String label, String style, List<double[]> points, boolean dots) {}

    private static final int LEFT = 52;
    private static final int RIGHT = 14;
    private static final int TOP = 12;
    private static final int BOTTOM = 28;
    private static final int MOST_POINTS = 400;                  // a line of more is drawn from means of neighbours

    private Chart() {}

    /// The chart, across the page or half of it; an empty text where no line has a point.
    static String svg(String title, List<Line> lines, boolean fromZero, boolean wide) {
        List<double[]> all = lines.stream().flatMap(line -> line.points.stream()).filter(point -> Double.isFinite(point[1])).toList();
        if (all.isEmpty()) {
            return "";
        }
        double x0 = all.stream().mapToDouble(point -> point[0]).min().orElse(0);
        double x1 = all.stream().mapToDouble(point -> point[0]).max().orElse(1);
        double low = fromZero ? 0 : all.stream().mapToDouble(point -> point[1]).min().orElse(0);
        double high = all.stream().mapToDouble(point -> point[1]).max().orElse(1);
        double step = tick(high - low);
        double y0 = Math.floor(low / step) * step;
        double y1 = Math.max(Math.ceil(high / step - 1e-9) * step, y0 + step);
        var scale = new Scale(x0, x1 > x0 ? x1 : x0 + 1, y0, y1, wide ? 1040 : 520, wide ? 340 : 216);
        var out = new StringBuilder("<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">".formatted(scale.width, scale.height, Html.escape(title)));
        for (int i = 0; y0 + i * step <= y1 + step / 2; i++) {
            double y = y0 + i * step;
            out.append(text("<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT, scale.width - RIGHT, scale.y(y), scale.y(y)));
            out.append(text("<text class=\"tick\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>", LEFT - 8, scale.y(y) + 4, label(y, step)));
        }
        double across = Math.max(1, tick(scale.x1 - scale.x0));
        for (double x = Math.ceil(scale.x0 / across) * across; x <= scale.x1 + 1e-9; x += across) {
            out.append(text("<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>", scale.x(x), scale.height - 8, label(x, across)));
        }
        for (Line line : lines) {
            out.append(drawn(line, scale));
        }
        return out.append("</svg>\n").toString();
    }

    /// The mean of each point and its neighbours, about a fortieth of the line on both sides together.
    static List<double[]> smoothed(List<double[]> points) {
        int reach = Math.max(1, points.size() / 80);
        var smooth = new ArrayList<double[]>();
        for (int i = 0; i < points.size(); i++) {
            int sides = Math.min(reach, Math.min(i, points.size() - 1 - i));                 // the same on both sides, else the ends bend
            double sum = 0;
            for (int j = i - sides; j <= i + sides; j++) {
                sum += points.get(j)[1];
            }
            smooth.add(new double[] {points.get(i)[0], sum / (2 * sides + 1)});
        }
        return smooth;
    }

    private record Scale(double x0, double x1, double y0, double y1, int width, int height) {
        double x(double value) {
            return LEFT + (value - x0) / (x1 - x0) * (width - LEFT - RIGHT);
        }

        double y(double value) {
            return height - BOTTOM - (value - y0) / (y1 - y0) * (height - TOP - BOTTOM);
        }
    }

    private static String drawn(Line line, Scale scale) {
        var out = new StringBuilder();
        var path = new StringBuilder();
        for (double[] point : thinned(line.points)) {
            if (!Double.isFinite(point[1])) {
                continue;
            }
            path.append(text("%s%.1f %.1f", path.isEmpty() ? "M" : "L", scale.x(point[0]), scale.y(point[1])));
            if (line.dots) {
                out.append(text("<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.2\"><title>%s at step %s: %s</title></circle>", line.style, scale.x(point[0]), scale.y(point[1]),
                        Html.escape(line.label), label(point[0], 1), value(point[1])));
            }
        }
        return "<path class=\"%s\" d=\"%s\"><title>%s</title></path>".formatted(line.style, path, Html.escape(line.label)) + out;
    }

    private static List<double[]> thinned(List<double[]> points) {
        if (points.size() <= MOST_POINTS) {
            return points;
        }
        var thin = new ArrayList<double[]>();
        for (int i = 0; i < MOST_POINTS; i++) {
            int from = (int) ((long) points.size() * i / MOST_POINTS);
            int to = (int) ((long) points.size() * (i + 1) / MOST_POINTS);
            double sum = 0;
            for (int j = from; j < to; j++) {
                sum += points.get(j)[1];
            }
            thin.add(new double[] {points.get((from + to - 1) / 2)[0], sum / (to - from)});
        }
        return thin;
    }

    /// A round distance between ticks: 1, 2 or 5 times a power of ten, four to eight of them over `range`.
    static double tick(double range) {
        if (!(range > 0)) {
            return 1;
        }
        double power = Math.pow(10, Math.floor(Math.log10(range / 4)));
        double part = range / 4 / power;
        return power * (part >= 5 ? 5 : part >= 2 ? 2 : 1);
    }

    private static String label(double value, double step) {
        if (Math.abs(value) < step / 1e6) {
            return "0";
        }
        if (step >= 1000 && Math.abs(value) >= 10_000) {
            return text("%sk", trimmed(value / 1000, 1));
        }
        int places = Math.clamp((int) -Math.floor(Math.log10(step) + 1e-9), 0, 9);
        return places > 4 ? text("%.0e", value) : text("%." + places + "f", value);
    }

    private static String trimmed(double value, int places) {
        return text("%." + places + "f", value).replaceFirst("\\.0+$", "");
    }

    private static String value(double value) {
        return text("%.5g", value);
    }

    private static String text(String format, Object... args) {
        return String.format(Locale.ROOT, format, args);
    }
}
