package dev.xiaolu.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class BenchReportTest {
    @Test void aRatioIsTheMedianOfNeighboursAndNotTheRatioOfMedians() {
        var row = BenchReport.Row.of("product", "GFLOP/s", new double[] {100, 10, 50}, "other", new double[] {50, 20, 50});
        assertEquals(1.0, row.ratio());
        assertEquals(0.5, row.lowest());
        assertEquals(2.0, row.highest());
        assertEquals(50, row.ours());
        assertEquals(50, row.theirs());
        assertEquals(3, row.rounds());
    }

    @Test void roundsOnOneSideOnlyAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> BenchReport.Row.of("product", "GFLOP/s", new double[2], "other", new double[3]));
    }

    @Test void theTableHasARowOfHeadingsAndTheJsonEveryNumber() {
        var row = BenchReport.Row.of("step", "tokens/s", new double[] {2500, 2600}, "other", new double[] {2000, 2000});
        var report = new BenchReport("train", Map.of("jdk", "25"), List.of(row));
        assertEquals(List.of("step", "tokens/s", "2550", "other", "2000", "1.28", "1.25 to 1.30"), report.table().get(1));
        assertEquals(report.table().get(0).size(), report.table().get(1).size());
        assertTrue(report.json().contains("\"ratio\" : 1.275"), report.json());
    }

    @Test void rivalsTakeStrictTurns() {
        var turns = new ArrayList<String>();
        double[][] measured = Rival.takeTurns(List.of(rival("a", turns), rival("b", turns)), 3);
        assertEquals(List.of("a", "b", "a", "b", "a", "b"), turns);
        assertEquals(5.0, measured[0][2]);
        assertEquals(2.0, measured[1][0]);
    }

    private static Rival rival(String name, List<String> turns) {
        return new Rival() {
            @Override public String name() {
                return name;
            }

            @Override public double measure() {
                turns.add(name);
                return turns.size();
            }
        };
    }
}
