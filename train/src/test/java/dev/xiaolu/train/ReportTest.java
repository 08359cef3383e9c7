package dev.xiaolu.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;

class ReportTest {
    private static final Set<String> VOID = Set.of("meta", "br");

    static Report example(int steps, String name, String prompt, String text) {
        RunConfig config = ConfigReader.words(List.of("llama-small")).config();
        var rows = new ArrayList<Metrics>();
        var noise = new java.util.Random(7);
        for (int step = 1; step <= steps; step++) {
            double share = (double) step / Math.max(1, steps);
            double loss = 2.1 + 6.2 * Math.exp(-6 * share) + 0.12 * noise.nextGaussian();
            boolean look = step % 50 == 0 || step == steps;
            rows.add(new Metrics(step, loss, 3e-3 * Math.min(1, step / 20.0) * (0.55 + 0.45 * Math.cos(Math.PI * share)), 0.5 + 3 * Math.exp(-8 * share) + 0.1 * noise.nextDouble(), step * 4096L,
                    3900 + 120 * noise.nextGaussian(), 0.62 + 0.02 * noise.nextGaussian(), 1.05, 0, look ? OptionalDouble.of(loss + 0.08) : OptionalDouble.empty(),
                    look ? OptionalDouble.of((loss + 0.08) / 2.35) : OptionalDouble.empty(), Optional.empty()));
        }
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("Model", "llama, 4.2 million parameters");
        facts.put("Trained on", "src.zip of JDK 25.0.3: 15,204 files, 118 MB");
        Map<String, String> environment = new LinkedHashMap<>();
        environment.put("JDK", "25.0.3, Eclipse Adoptium");
        environment.put("Processor", "x86-64, 2 threads, 512-bit vectors");
        return new Report(name, "finished: " + steps + " steps", config, facts, environment, Map.of("weights", "9f".repeat(32), "chain", "3c".repeat(32)),
                Optional.of(new HeldOut(2.18, 0.931, 524_288, 1_734_120, 291)), rows, List.of(new DrawnSample(steps / 2, prompt, text), new DrawnSample(steps, prompt, text)), Optional.of(StepProfileTest.example()));
    }

    @Test void thePageAsksForNothingFromAnywhere() {
        String page = example(400, "run", "p", "t").html();
        assertFalse(Pattern.compile("https?:|src=|href=|url\\(|@import|<script|<link|<iframe", Pattern.CASE_INSENSITIVE).matcher(page).find());
    }

    @Test void bitsPerByteOfHeldOutFilesStandsFirst() {
        String page = example(400, "run", "p", "t").html();
        assertTrue(page.contains("<p class=\"number\">0.931</p><p class=\"what\">bits per byte on held-out files</p>"));
        assertTrue(page.contains("1.7 MB of text in 291 files"));
    }

    @Test void everyTagIsClosed() {
        String page = example(400, "run", "p", "t").html();
        var open = new ArrayDeque<String>();
        var tags = Pattern.compile("<(/?)([a-zA-Z0-9]+)[^>]*?(/?)>").matcher(page);
        while (tags.find()) {
            if (!tags.group(1).isEmpty()) {
                assertEquals(open.pop(), tags.group(2));
            } else if (tags.group(3).isEmpty() && !VOID.contains(tags.group(2))) {
                open.push(tags.group(2));
            }
        }
        assertEquals(0, open.size());
    }

    @Test void everyChartIsWellFormed() throws Exception {
        String page = example(1000, "run", "p", "t").html();
        var charts = Pattern.compile("<svg.*?</svg>", Pattern.DOTALL).matcher(page);
        int count = 0;
        while (charts.find()) {
            var document = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new ByteArrayInputStream(charts.group().getBytes(StandardCharsets.UTF_8)));
            assertTrue(document.getElementsByTagName("path").getLength() + document.getElementsByTagName("rect").getLength() > 0);
            count++;
        }
        assertEquals(6, count);
    }

    @Test void textOfTheModelCannotBecomeMarkup() {
        String page = example(10, "<b>&\"'", "</pre><script>alert(1)</script>", "a\u0000b\uD800c <img src=x> \u202E").html();
        assertFalse(page.contains("<script") || page.contains("<img") || page.contains("<b>&"));
        assertTrue(page.contains("a\uFFFDb\uFFFDc &lt;img"));
    }

    @Test void aRunThatHasNotStepped() {
        RunConfig config = ConfigReader.words(List.of("tiny")).config();
        String page = new Report("empty", "stopped before the first step", config, Map.of(), Map.of(), Map.of(), Optional.empty(), List.of(), List.of(), Optional.empty()).html();
        assertFalse(page.contains("<svg"));
        assertTrue(page.contains("stopped before the first step"));
    }

    @Test void numbersThatAreNotFiniteLeaveGaps() {
        var row = new Metrics(1, Double.NaN, Double.NaN, Double.POSITIVE_INFINITY, 1, Double.NaN, Double.NaN, Double.NaN, 0, OptionalDouble.empty(), OptionalDouble.empty(), Optional.empty());
        RunConfig config = ConfigReader.words(List.of("tiny")).config();
        String page = new Report("nan", "stopped", config, Map.of(), Map.of(), Map.of(), Optional.empty(), List.of(row), List.of(), Optional.empty()).html();
        assertFalse(page.contains("<svg"));
    }

    @Test void aLineOfManyPointsStaysSmall() {
        assertTrue(example(200_000, "long", "p", "t").html().length() < 400_000 + 4000 * 140);
    }

    @Test void ticksAreRound() {
        assertEquals(1, Chart.tick(6));
        assertEquals(0.5, Chart.tick(2.5), 1e-12);
        assertEquals(200, Chart.tick(1000));
        assertEquals(1, Chart.tick(0));
    }
}
