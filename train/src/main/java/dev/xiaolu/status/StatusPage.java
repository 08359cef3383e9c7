package dev.xiaolu.status;

import dev.xiaolu.store.Sha256;
import dev.xiaolu.train.Figures;
import dev.xiaolu.train.Html;
import dev.xiaolu.train.Metrics;
import dev.xiaolu.train.MetricsTail;
import dev.xiaolu.train.ProgressLine;
import dev.xiaolu.train.Report;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import tools.jackson.databind.json.JsonMapper;

/// A run that goes on, as a page: parts by name, which its few lines of script ask for again each second and put in the place of those that have changed.
///
/// @param name   of the run
/// @param status how it stands
/// @param tail   its metrics
record StatusPage(String name, RunStatus status, MetricsTail tail) {
    private static final String STYLE = Report.style() + text("status.css"), SCRIPT = text("status.js");
    private static final int MOST_FAULTS = 12;

    /// What a browser may do for the page: its own style and script, by their hashes, and asking where it comes from.
    static final String POLICY = "default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
            .formatted(hash(STYLE), hash(SCRIPT));

    /// The whole page.
    String html() {
        var out = new StringBuilder("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        out.append("<title>").append(Html.escape(name)).append(" · Xiaolu</title>\n<style>").append(STYLE).append("</style>\n</head>\n<body>\n<main>\n");
        out.append("<header>\n<p class=\"brand\">Xiaolu · training run</p>\n<h1>").append(Html.escape(name)).append("</h1>\n");
        Map<String, String> parts = parts();
        out.append(section("state", "p", parts)).append("</header>\n").append(section("tiles", "section", parts)).append(section("ranks", "section", parts))
                .append(section("timeline", "section", parts)).append(section("faults", "section", parts)).append(section("charts", "section", parts));
        return out.append("</main>\n<script>").append(SCRIPT).append("</script>\n</body>\n</html>\n").toString();
    }

    private static String section(String part, String element, Map<String, String> parts) {
        return "<%s id=\"%s\" class=\"%s\">%s</%s>\n".formatted(element, part, part, parts.get(part), element);
    }

    /// The parts as JSON.
    String live() {
        return JsonMapper.shared().writeValueAsString(parts());
    }

    private Map<String, String> parts() {
        var parts = new LinkedHashMap<String, String>();
        parts.put("state", state());
        parts.put("tiles", tiles());
        parts.put("ranks", ranks());
        parts.put("timeline", Timeline.figure(status));
        parts.put("charts", Figures.live(tail));
        parts.put("faults", faults());
        return parts;
    }

    private String state() {
        boolean well = status.state().equals(RunStatus.TRAINING) || status.state().equals(RunStatus.OVER);
        return "<span class=\"dot %s\"></span>%s, for %s now%s".formatted(well ? "done" : "open", Html.escape(status.state()), ProgressLine.duration((status.wallMillis() - status.startedMillis()) / 1e3),
                status.why().map(why -> ": " + Html.escape(why)).orElse(""));
    }

    private String tiles() {
        Optional<Metrics> newest = tail.newest();
        double seconds = newest.map(Metrics::stepSeconds).orElse(Double.NaN);
        var out = new StringBuilder();
        tile(out, "tile hero", format("%,d / %,d", status.step(), status.steps()), "steps", newest.map(row -> format("loss %.3f · %s to go at %.2f s a step", row.loss(),
                ProgressLine.duration((status.steps() - status.step()) * meanStepSeconds()), seconds)).orElse("the first is under way"));
        tile(out, "tile", share(status.goodput()), "goodput", format("%,d %s · %s", status.faultCount(), status.faultCount() == 1 ? "loss of a rank" : "losses of ranks",
                status.checkpoint().map(step -> format("checkpoint of step %,d", step)).orElse("no checkpoint yet")));
        tile(out, "tile", number("%.1f", status.leavesPerSecond()), "leaves a second", newest.map(row -> ProgressLine.count(row.tokensPerSecond()) + " tokens a second").orElse(""));
        tile(out, "tile", format("%d", status.ranks().stream().filter(rank -> rank.lastStep().isPresent()).count()), "ranks", format("generation %,d", status.generation()));
        return out.toString();
    }

    private double meanStepSeconds() {
        List<Metrics> last = tail.last();
        double sum = 0;
        for (Metrics row : last) {
            sum += row.stepSeconds();
        }
        return last.isEmpty() ? 0 : sum / last.size();
    }

    private static void tile(StringBuilder out, String style, String number, String what, String detail) {
        out.append("<div class=\"%s\"><p class=\"number\">%s</p><p class=\"what\">%s</p><p class=\"detail\">%s</p></div>".formatted(style, Html.escape(number), Html.escape(what), Html.escape(detail)));
    }

    private String ranks() {
        var out = new StringBuilder("<table><tr><th>rank</th><th>process</th><th>state</th><th class=\"n\">last step</th><th class=\"n\">since its last beat</th><th class=\"n\">a leaf takes it</th><th>host</th></tr>");
        for (RankStatus rank : status.ranks()) {
            out.append("<tr><td>%d</td><td>%s</td><td><span class=\"dot %s\"></span> %s</td><td class=\"n\">%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td><td>%s</td></tr>".formatted(rank.index(), rank.pid().map(pid -> Long.toString(pid)).orElse("–"),
                    rank.state().equals(RunStatus.TRAINING) ? rank.doing().equals("working") ? "done" : "rest" : "open", Html.escape(rank.state().equals(RunStatus.TRAINING) ? rank.doing() : rank.state()),
                    rank.lastStep().map(step -> format("%,d", step)).orElse("–"), number("%.1f s", rank.secondsSinceBeat()), number("%.3f s", rank.secondsPerLeaf()), Html.escape(rank.host())));
        }
        return out.append("</table>").toString();
    }

    private String faults() {
        if (status.faults().isEmpty()) {
            return "";
        }
        var out = new StringBuilder("<h2>Losses of ranks</h2><table><tr><th>ago</th><th>rank</th><th>process</th><th>how it was noticed</th><th class=\"n\">after step</th><th class=\"n\">others went on after</th></tr>");
        for (Fault fault : status.faults().reversed().stream().limit(MOST_FAULTS).toList()) {
            out.append("<tr><td>%s</td><td>%s</td><td>%d</td><td>%s</td><td class=\"n\">%,d</td><td class=\"n\">%s</td></tr>".formatted(ProgressLine.duration((status.wallMillis() - fault.wallMillis()) / 1e3),
                    fault.index() < 0 ? "–" : fault.index(), fault.pid(), Html.escape(fault.why()), fault.step(), number("%.2f s", fault.recoveredSeconds())));
        }
        return out.append("</table>").toString();
    }

    private static String share(OptionalDouble part) {
        return part.isPresent() ? format("%.1f%%", 100 * part.getAsDouble()) : "–";
    }

    private static String number(String form, OptionalDouble value) {
        return value.isPresent() ? format(form, value.getAsDouble()) : "–";
    }

    private static String format(String form, Object... args) {
        return String.format(Locale.ROOT, form, args);
    }

    private static String hash(String text) {
        return Base64.getEncoder().encodeToString(HexFormat.of().parseHex(Sha256.hex(text.getBytes(StandardCharsets.UTF_8))));
    }

    private static String text(String file) {
        try (InputStream in = StatusPage.class.getResourceAsStream(file)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException broken) {
            throw new UncheckedIOException(file + " cannot be read from the program's own files", broken);
        }
    }
}
