package dev.xiaolu.train;

import dev.xiaolu.tensor.Profile.Part;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// Where the time of a step goes, as a table and as JSON.
///
/// @param first step measured
/// @param last  step measured
/// @param peak  floating-point operations a second that the machine can do; NaN where unknown
/// @param step  the mean of the measured steps
record StepProfile(long first, long last, double peak, Part step) {
    /// The file in a run's folder.
    static final String FILE = "profile.json";

    private static final double SMALL = 0.005;                   // of a step, below which operators stand together in one line
    private static final int DEEPEST = 16;

    /// Lines for a terminal: parts in the order in which they come, their operators by time.
    List<String> table() {
        var lines = new ArrayList<String>();
        lines.add(text("where the time of a step goes: mean of steps %d to %d, %.1f ms each, %.0f GFLOP/s in products%s", first, last, 1e3 * step.seconds(), step.operations() / step.seconds() / 1e9,
                Double.isNaN(peak) ? "" : text(" of a measured peak of %.0f", peak / 1e9)));
        lines.add(text("  %-28s %7s %9s %7s %9s %7s", "", "share", "ms", "calls", "GFLOP/s", "GB/s"));
        for (Part part : step.parts()) {
            lines.add(line(1, part, ""));
            double small = 0;
            int several = 0;
            for (Part operator : part.parts()) {
                if (operator.seconds() >= SMALL * step.seconds()) {
                    lines.add(line(2, operator, text("%.0f", operator.calls())));
                } else {
                    small += operator.seconds();
                    several++;
                }
            }
            if (several > 0) {
                lines.add(rest(2, several + (several == 1 ? " other" : " others"), small));
            }
            if (!part.parts().isEmpty()) {
                lines.add(rest(2, "between operators", part.between()));
            }
        }
        lines.add(rest(1, "between these", step.between()));
        return lines;
    }

    private String line(int depth, Part part, String calls) {
        return text("%-30s %6.1f%% %9.2f %7s %9s %7s", "  ".repeat(depth) + part.name(), 100 * part.seconds() / step.seconds(), 1e3 * part.seconds(), calls,
                part.operations() > 0 ? text("%.0f", part.operations() / part.seconds() / 1e9) : "", part.bytes() > 0 ? text("%.1f", part.bytes() / part.seconds() / 1e9) : "").stripTrailing();
    }

    private String rest(int depth, String name, double seconds) {
        return text("%-30s %6.1f%% %9.2f", "  ".repeat(depth) + name, 100 * seconds / step.seconds(), 1e3 * seconds);
    }

    /// As JSON; times in milliseconds of one step.
    String json() {
        ObjectNode out = JsonMapper.shared().createObjectNode();
        out.put("first_step", first).put("last_step", last).put("peak_gflops", Double.isNaN(peak) ? null : (Double) (peak / 1e9));
        write(out.putObject("step"), step);
        return JsonMapper.shared().writerWithDefaultPrettyPrinter().writeValueAsString(out);
    }

    private static void write(ObjectNode out, Part part) {
        out.put("name", part.name()).put("calls", part.calls()).put("millis", 1e3 * part.seconds()).put("gflop", part.operations() / 1e9).put("megabytes", part.bytes() / 1e6);
        var parts = out.putArray("parts");
        part.parts().forEach(each -> write(parts.addObject(), each));
    }

    /// Reads what [#json] wrote; empty where it is something else.
    static Optional<StepProfile> of(String json) {
        try {
            JsonNode in = JsonMapper.shared().readTree(json);
            Part step = part(in.path("step"), 0);
            return step.seconds() > 0 ? Optional.of(new StepProfile(in.path("first_step").asLong(0), in.path("last_step").asLong(0), 1e9 * in.path("peak_gflops").asDouble(Double.NaN), step)) : Optional.empty();
        } catch (JacksonException _) {
            return Optional.empty();
        }
    }

    private static Part part(JsonNode in, int depth) {
        List<Part> parts = depth == DEEPEST ? List.of() : in.path("parts").valueStream().map(each -> part(each, depth + 1)).toList();
        return new Part(in.path("name").asString(""), number(in, "calls"), 1e-3 * number(in, "millis"), 1e9 * number(in, "gflop"), 1e6 * number(in, "megabytes"), parts);
    }

    private static double number(JsonNode in, String name) {
        double value = in.path(name).asDouble(0);
        return Double.isFinite(value) && value >= 0 ? value : 0;
    }

    private static String text(String format, Object... args) {
        return String.format(Locale.ROOT, format, args);
    }
}
