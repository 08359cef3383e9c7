package dev.xiaolu.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// The guard's verdicts, and that it measures all it should: speed itself is no test.
class GuardBenchTest {
    private static GuardReport report(double ratio, double least, long bytes) {
        var row = BenchReport.Row.of("product", "GFLOP/s", new double[] {ratio}, "measured peak", new double[] {1});
        return new GuardReport(Map.of(), List.of(new GuardReport.Speed(row, least, 2)), List.of(new GuardReport.Garbage("product", bytes, 100)));
    }

    @Test void everyRowHasToHold() {
        assertTrue(report(0.5, 0.5, 100).holds());
        assertFalse(report(0.49, 0.5, 100).holds());
        assertFalse(report(0.5, 0.5, 101).holds());
        assertEquals(List.of("product", "GFLOP/s", "0.5", "measured peak", "1.0", "0.49", "0.49 to 0.49", "at least 0.50", "MISSED, after 2 tries"), report(0.49, 0.5, 0).table().get(1));
        assertEquals(List.of("product", "bytes a call", "101", "", "", "", "", "at most 100", "MISSED"), report(1, 0.5, 101).table().get(2));
        assertTrue(report(1, 0.5, 101).json().contains("\"bytes\" : 101"));
    }

    @Test void everyKernelIsMeasuredBesideItsBaseline() {
        var said = new ArrayList<String>();
        GuardReport report = GuardBench.run(new GuardBench.Options("cpu", 2, 1, 0, 0), GuardWork.standard(16), said::add);
        assertEquals(GuardWork.standard(16).stream().map(GuardWork::name).toList(), report.speeds().stream().map(speed -> speed.row().subject()).toList());
        assertEquals(said, report.garbage().stream().map(GuardReport.Garbage::subject).toList());
        assertTrue(report.speeds().stream().allMatch(speed -> speed.row().ours() > 0 && speed.row().theirs() > 0), report::json);
        assertEquals(List.of("measured peak", "plain loops", "measured peak", "copy bandwidth"), report.speeds().stream().limit(4).map(speed -> speed.row().rival()).toList());
    }

    @Test void whatIsTooSlowIsTriedAgainAndThenToldSo() {
        GuardReport report = GuardBench.run(new GuardBench.Options("cpu", 1, 1, 0, 0), List.of(GuardWork.product(new GemmShape(8, 8, 8, "nn"), GuardWork.Beside.PEAK, 2)), _ -> {});
        assertEquals(3, report.speeds().getFirst().tries());
        assertFalse(report.holds());
    }

    @Test void wrongNumbersAreRefused() {
        assertThrows(InputException.class, () -> new GuardBench.Options("cpu", 0, 1, 1, 0));
        assertThrows(InputException.class, () -> new GuardBench.Options("cpu", 1, 0, 1, 0));
    }
}
