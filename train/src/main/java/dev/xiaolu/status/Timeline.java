package dev.xiaolu.status;

import dev.xiaolu.train.Html;
import dev.xiaolu.train.ProgressLine;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;

/// Who was there when, as inline SVG: a row for each worker, a bar for each process in its place, a mark where one was lost and a band until the others computed on.
final class Timeline {
    private static final int WIDTH = 1040, LEFT = 64, RIGHT = 14, TOP = 6, ROW = 24, BOTTOM = 24;
    private static final int MOST_TICKS = 10;
    private static final long[] TICK_SECONDS = {1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400};

    private final RunStatus status;
    private final StringBuilder out = new StringBuilder();
    private final List<Integer> rows;
    private final int height;
    private final double span;

    private Timeline(RunStatus status) {
        this.status = status;
        rows = List.copyOf(new TreeSet<>(status.lives().stream().map(Life::index).toList()));
        height = TOP + ROW * rows.size() + BOTTOM;
        span = Math.max(1000, status.wallMillis() - status.startedMillis());
    }

    /// The figure with its caption; an empty text while nobody has joined.
    static String figure(RunStatus status) {
        if (status.lives().isEmpty()) {
            return "";
        }
        return "<figure class=\"wide\"><figcaption><b>Ranks over time</b> <span>a bar for each process, by rank; minutes since this launch</span><span class=\"legend\"><span><i class=\"one\"></i>takes part</span>"
                + "<span><i class=\"two\"></i>lost, until the others computed on</span></span></figcaption>\n" + new Timeline(status).svg() + "</figure>\n";
    }

    private String svg() {
        out.append(text("<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"Ranks over time\">", WIDTH, height));
        ticks();
        for (int row = 0; row < rows.size(); row++) {
            out.append(text("<text class=\"tick\" x=\"%d\" y=\"%d\" text-anchor=\"end\">rank %d</text>", LEFT - 8, TOP + ROW * row + ROW / 2 + 4, rows.get(row)));
        }
        status.lives().forEach(this::life);
        status.faults().forEach(this::fault);
        return out.append("</svg>\n").toString();
    }

    private void ticks() {
        long step = TICK_SECONDS[0];
        for (int i = 1; i < TICK_SECONDS.length && span / 1000 / step > MOST_TICKS; i++) {
            step = TICK_SECONDS[i];
        }
        step *= Math.max(1, (long) Math.ceil(span / 1000 / step / MOST_TICKS));
        for (long at = 0; at * 1000 <= span; at += step) {
            double x = x(status.startedMillis() + at * 1000);
            out.append(text("<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>", x, x, TOP, height - BOTTOM));
            out.append(text("<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>", x, height - 6, ProgressLine.duration(at)));
        }
    }

    private void life(Life life) {
        double from = x(life.fromMillis()), to = x(life.toMillis().orElse(status.wallMillis()));
        out.append(text("<rect class=\"life%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"3\"><title>rank %d, process %d, for %s</title></rect>", life.toMillis().isEmpty() ? " here" : "", from,
                y(life.index()) + 4, Math.max(1, to - from), ROW - 8, life.index(), life.pid(), ProgressLine.duration((life.toMillis().orElse(status.wallMillis()) - life.fromMillis()) / 1e3)));
    }

    private void fault(Fault fault) {
        if (!rows.contains(fault.index()) || fault.wallMillis() < status.startedMillis()) {
            return;
        }
        double at = x(fault.wallMillis());
        long until = fault.wallMillis() + (long) (1000 * fault.recoveredSeconds().orElse(Math.max(0, status.wallMillis() - fault.wallMillis()) / 1e3));
        out.append(text("<rect class=\"lost\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"><title>rank %d, process %d lost after step %d: %s</title></rect>", at, y(fault.index()) + 1, Math.max(2.5, x(until) - at), ROW - 2,
                fault.index(), fault.pid(), fault.step(), Html.escape(fault.why())));
    }

    private double x(long wallMillis) {
        return LEFT + Math.clamp((wallMillis - status.startedMillis()) / span, 0, 1) * (WIDTH - LEFT - RIGHT);
    }

    private int y(int index) {
        return TOP + ROW * rows.indexOf(index);
    }

    private static String text(String format, Object... args) {
        return String.format(Locale.ROOT, format, args);
    }
}
