package dev.xiaolu.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.nn.RouterLoad;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

class RouterHealthTest {
    private static final List<RouterLoad> ROUTERS = List.of(new RouterLoad("layers.0", List.of(40L, 0L, 0L, 0L), 0, List.of()),
            new RouterLoad("layers.1", List.of(10L, 10L, 10L, 10L), 1, List.of(0f, 0.25f, -0.5f, 0f)), new RouterLoad("mtp.0", List.of(20L, 20L, 0L, 0L), 2, List.of(0.125f, 0f, 0f, 0f)));

    @Test void evennessIsThatOfLearnedRoutersAndDropsAreThoseOfAll() {
        RouterHealth health = RouterHealth.of(ROUTERS).orElseThrow();
        assertEquals(0.75, health.entropy(), 1e-12);                 // 1 and a half
        assertEquals(0.5, health.meanViolation(), 1e-12);            // 0 and 1
        assertEquals(1, health.maxViolation(), 1e-12);
        assertEquals(3, health.dropped());
        assertEquals(-0.5, health.lowestBias());
        assertEquals(0.25, health.highestBias());
        assertEquals(Optional.empty(), RouterHealth.of(List.of()));
    }

    @Test void aRouterThatTookNoPartIsNeitherEvenNorUneven() {
        var idle = new RouterLoad("mtp.0", List.of(0L, 0L), 0, List.of(9f, -9f));
        RouterHealth health = RouterHealth.of(List.of(ROUTERS.get(1), idle)).orElseThrow();
        assertEquals(1, health.entropy(), 1e-12);
        assertEquals(0, health.maxViolation(), 1e-12);
        assertEquals(0.25, health.highestBias());
    }

    @Test void aLineOfMetricsHoldsItAndGivesItBack() {
        var row = new Metrics(3, 2.5, 1e-3, 1, 300, 100, 0.5, 1, 17, OptionalDouble.empty(), OptionalDouble.empty(), Optional.of("ab"), Map.of("mtp_loss", 3.25), RouterHealth.of(ROUTERS));
        String json = row.json();
        assertTrue(json.contains("\"terms\":{\"mtp_loss\":3.25}") && json.contains("\"layers.1\":[10,10,10,10]"), json);
        assertEquals(row, Metrics.of(JsonMapper.shared().readTree(json)));
    }

    @Test void theReportDrawsTheLoadOfEveryExpert() {
        var row = new Metrics(1, 2.5, 1e-3, 1, 300, 100, 0.5, 1, 17, OptionalDouble.empty(), OptionalDouble.empty(), Optional.empty(), Map.of("mtp_loss", 3.25), RouterHealth.of(ROUTERS));
        RunConfig config = ConfigReader.words(List.of("deepseek4-tiny")).config();
        String page = new Report("experts", "finished", config, Map.of(), Map.of(), Map.of(), Optional.empty(), List.of(row), List.of(), Optional.empty()).html();
        assertTrue(page.contains("layers.0, expert 0: 40 choices, 4.00 of the mean") && page.contains("3 choices dropped in all steps"), page);
        assertEquals(12, page.split("<rect ", -1).length - 1);
        assertTrue(page.contains("<b>mtp_loss</b>") && page.contains("<tr><th>compress_ratios</th><td>4 · 8</td></tr>"), page);
    }
}
