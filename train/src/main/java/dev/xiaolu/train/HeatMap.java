package dev.xiaolu.train;

import java.util.List;
import java.util.Locale;
import java.util.Map;

/// The load of experts as inline SVG: a row for each layer, a cell for each expert, coloured by its load over the mean. Colours come from the page's style sheet.
final class HeatMap {
    private static final int WIDTH = 1040;
    private static final int LEFT = 84;
    private static final int TOP = 22;
    private static final int CELL = 30;
    private static final int MOST_LABELLED = 24;                 // experts of a row beyond which cells are too narrow for numbers
    private static final double FULL = 1;                        // distance from the mean, as a part of it, at which a colour is at its strongest

    private HeatMap() {}

    /// The map of loads by layer.
    static String svg(String title, Map<String, List<Long>> load) {
        var out = new StringBuilder("<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">".formatted(WIDTH, TOP + CELL * load.size() + 4, Html.escape(title)));
        int row = 0;
        for (Map.Entry<String, List<Long>> layer : load.entrySet()) {
            row(out, layer.getKey(), layer.getValue(), TOP + CELL * row, row == 0);
            row++;
        }
        return out.append("</svg>\n").toString();
    }

    private static void row(StringBuilder out, String layer, List<Long> counts, int y, boolean first) {
        double mean = counts.stream().mapToLong(Long::longValue).average().orElse(0);
        double width = (double) (WIDTH - LEFT) / counts.size();
        out.append(text("<text class=\"tick\" x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>", LEFT - 8, y + CELL / 2 + 4, Html.escape(layer)));
        for (int expert = 0; expert < counts.size(); expert++) {
            double part = mean == 0 ? 1 : counts.get(expert) / mean;
            double x = LEFT + expert * width;
            out.append(text("<rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill-opacity=\"%.2f\"><title>%s, expert %d: %,d choices, %.2f of the mean</title></rect>",
                    part >= 1 ? "over" : "under", x + 1, y + 1, width - 2, CELL - 2, Math.min(1, 0.08 + 0.8 * Math.abs(part - 1) / FULL), Html.escape(layer), expert, counts.get(expert), part));
            if (counts.size() <= MOST_LABELLED) {
                out.append(text("<text class=\"cell\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.2f</text>", x + width / 2, y + CELL / 2 + 4, part));
                if (first) {
                    out.append(text("<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%d</text>", x + width / 2, TOP - 8, expert));
                }
            }
        }
    }

    private static String text(String format, Object... args) {
        return String.format(Locale.ROOT, format, args);
    }
}
