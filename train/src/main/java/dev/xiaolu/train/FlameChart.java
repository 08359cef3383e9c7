package dev.xiaolu.train;

import dev.xiaolu.tensor.Profile.Part;
import java.util.List;
import java.util.Locale;

/// Where the time of a step goes, as inline SVG: each part as wide as its time, what it consists of below it. Colours come from the page's style sheet.
final class FlameChart {
    private static final int WIDTH = 1040;
    private static final int ROW = 26;
    private static final double NARROWEST = 0.6;                 // of what is drawn, in units of the picture
    private static final double LETTER = 6.6;
    private static final List<String> STYLES = List.of("one", "three", "four", "two", "five");

    private FlameChart() {}

    /// The picture of a step.
    static String svg(String title, StepProfile profile) {
        var out = new StringBuilder("<svg class=\"flame\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">".formatted(WIDTH, ROW * depth(profile.step()), Html.escape(title)));
        draw(out, profile.step(), profile.step(), "raw", 0, 0);
        return out.append("</svg>\n").toString();
    }

    private static int depth(Part part) {
        return 1 + part.parts().stream().mapToInt(FlameChart::depth).max().orElse(0);
    }

    private static void draw(StringBuilder out, Part step, Part part, String style, double x, int row) {
        double width = WIDTH * part.seconds() / step.seconds();
        if (width < NARROWEST) {
            return;
        }
        out.append(text("<rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill-opacity=\"%.2f\"><title>%s</title></rect>", style, x, ROW * row, width, ROW, 0.85 - 0.17 * row,
                Html.escape(words(step, part))));
        int letters = (int) ((width - 8) / LETTER);
        if (letters >= 3) {
            String name = part.name().length() <= letters ? part.name() : part.name().substring(0, letters - 1) + "…";
            out.append(text("<text class=\"cell\" x=\"%.1f\" y=\"%d\">%s</text>", x + 5, ROW * row + ROW / 2 + 4, Html.escape(name)));
        }
        double at = x;
        for (int i = 0; i < part.parts().size(); i++) {
            Part each = part.parts().get(i);
            draw(out, step, each, row == 0 ? STYLES.get(i % STYLES.size()) : style, at, row + 1);
            at += WIDTH * each.seconds() / step.seconds();
        }
    }

    private static String words(Part step, Part part) {
        return text("%s: %.2f ms, %.1f %%", part.name(), 1e3 * part.seconds(), 100 * part.seconds() / step.seconds())
                + (part.operations() > 0 ? text(", %.0f GFLOP/s", part.operations() / part.seconds() / 1e9) : "")
                + (part.bytes() > 0 ? text(", %.1f GB/s", part.bytes() / part.seconds() / 1e9) : "") + (part.calls() >= 2 ? text(", %.0f calls", part.calls()) : "");
    }

    private static String text(String format, Object... args) {
        return String.format(Locale.ROOT, format, args);
    }
}
