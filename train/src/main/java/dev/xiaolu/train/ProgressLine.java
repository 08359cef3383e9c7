package dev.xiaolu.train;

import dev.xiaolu.platform.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;

/// The progress of a run: one line that is written over on a terminal, plain lines now and then elsewhere.
///
/// The line holds a bar, the step, the loss, tokens a second, the use of the machine and the time left, as much as the width allows. One thread at a time.
public final class ProgressLine {
    private static final double SMOOTHING = 0.1;                 // least weight of the newest step in what is shown
    private static final long LIVE_NANOS = 80_000_000L;          // shortest time between two pictures
    private static final long PLAIN_NANOS = 10_000_000_000L;     // time after which a plain line is due
    private static final int WIDEST_BAR = 32;
    private static final int SLIMMEST_BAR = 8;
    private static final String DIM = "\033[2m";
    private static final String GREEN = "\033[32m";
    private static final String BOLD = "\033[1m";
    private static final String RESET = "\033[0m";

    private final Screen screen;
    private final Clock clock;
    private final long steps;
    private double loss = Double.NaN;
    private double seconds = Double.NaN;
    private double tokensPerSecond = Double.NaN;
    private double mfu = Double.NaN;
    private long step;
    private int seen;
    private long drawnAt;
    private boolean drawn;
    private Supplier<String> more = () -> "";

    /// Progress towards step `steps`.
    public ProgressLine(Screen screen, Clock clock, long steps) {
        this.screen = screen;
        this.clock = clock;
        this.steps = steps;
        drawnAt = clock.nanos() - PLAIN_NANOS;
    }

    /// Shows what `words` say, after all else, each time the line is drawn.
    public void also(Supplier<String> words) {
        more = words;
    }

    /// Shows a step.
    public void step(Metrics now) {
        step = now.step();
        seen++;
        loss = smooth(loss, now.loss());
        seconds = smooth(seconds, now.stepSeconds());
        tokensPerSecond = smooth(tokensPerSecond, now.tokensPerSecond());
        mfu = smooth(mfu, now.mfu());
        long waited = clock.nanos() - drawnAt;
        if (waited >= (screen.live() ? LIVE_NANOS : PLAIN_NANOS) || step >= steps) {
            draw();
        }
    }

    /// Writes a whole line, or several, above the progress.
    public void say(String text) {
        if (drawn) {
            screen.out().print("\r\033[K");
            drawn = false;
        }
        screen.out().println(text);
        if (screen.live() && step > 0 && step < steps) {
            draw();
        }
        screen.out().flush();
    }

    /// Leaves the last picture standing and goes to a new line.
    public void end() {
        if (drawn) {
            draw();
            screen.out().println();
            screen.out().flush();
            drawn = false;
        }
    }

    private void draw() {
        drawnAt = clock.nanos();
        if (screen.live()) {
            screen.out().print("\r" + line(Math.max(1, screen.width().getAsInt() - 1)) + "\033[K");
            drawn = true;
        } else {
            screen.out().println(String.join("  ", parts()));
        }
        screen.out().flush();
    }

    /// The line within so many columns: parts are left out from the right, the bar takes what remains.
    String line(int columns) {
        List<String> parts = parts();
        int length = String.join("  ", parts).length();
        while (parts.size() > 1 && length > columns) {
            length -= parts.removeLast().length() + 2;
        }
        if (length > columns) {
            return parts.getFirst().substring(0, columns);
        }
        int bar = Math.min(WIDEST_BAR, columns - length - 2);
        var out = new StringBuilder();
        if (bar >= SLIMMEST_BAR) {
            out.append(bar(bar)).append("  ");
        }
        for (int i = 0; i < parts.size(); i++) {
            String part = parts.get(i);
            out.append(i == 0 ? "" : "  ").append(!screen.colour() ? part : i == 1 ? BOLD + part + RESET : i > 1 ? DIM + part + RESET : part);
        }
        return out.toString();
    }

    private String bar(int width) {
        double share = steps == 0 ? 1 : Math.clamp((double) step / steps, 0, 1);
        if (!screen.unicode()) {
            int full = (int) Math.round(share * (width - 2));
            String arrow = full == 0 ? "" : "=".repeat(full - 1) + (full == width - 2 ? "=" : ">");
            return "[" + arrow + " ".repeat(width - 2 - full) + "]";
        }
        int halves = (int) Math.round(share * width * 2);
        String full = "━".repeat(halves / 2) + (halves % 2 == 1 ? "╸" : "");
        String rest = "─".repeat(width - (halves + 1) / 2);
        return screen.colour() ? GREEN + full + RESET + DIM + rest + RESET : full + rest;
    }

    private List<String> parts() {
        var parts = new ArrayList<String>();
        parts.add(String.format(Locale.ROOT, "step %" + Long.toString(steps).length() + "d/%d", step, steps));
        parts.add(String.format(Locale.ROOT, "loss %.4f", loss));
        if (!Double.isNaN(tokensPerSecond)) {
            parts.add(count(tokensPerSecond) + " tok/s");
        }
        if (!Double.isNaN(seconds)) {
            parts.add("ETA " + duration((steps - step) * seconds));
        }
        if (!Double.isNaN(mfu)) {
            parts.add(String.format(Locale.ROOT, "MFU %2.0f%%", 100 * mfu));
        }
        if (!more.get().isEmpty()) {
            parts.add(more.get());
        }
        return parts;
    }

    /// The mean of the steps so far, then one that forgets. The first step is left out as soon as there is a second: it still warms the compiler up.
    private double smooth(double before, double now) {
        double weight = seen <= 2 ? 1 : Math.max(SMOOTHING, 1.0 / (seen - 1));
        return Double.isNaN(before) || Double.isNaN(now) ? now : before + weight * (now - before);
    }

    /// A number in three or four places: `950`, `12.3k`, `1.25M`.
    public static String count(double value) {
        if (value >= 1e6) {
            return String.format(Locale.ROOT, "%.2fM", value / 1e6);
        }
        return value >= 1e4 ? String.format(Locale.ROOT, "%.1fk", value / 1e3) : String.format(Locale.ROOT, "%.0f", value);
    }

    /// A time as `0:07`, `12:30` or `3:05:00`.
    public static String duration(double seconds) {
        long whole = Math.max(0, Math.round(seconds));
        return whole >= 3600 ? String.format(Locale.ROOT, "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60) : String.format(Locale.ROOT, "%d:%02d", whole / 60, whole % 60);
    }
}
