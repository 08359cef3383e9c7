package dev.xiaolu.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.DiskException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JsonLinesTest {
    @TempDir Path folder;

    static Metrics row(long step) {
        return new Metrics(step, 8.5 / step, 3e-4, 1.25, step * 4096, 1234.56, 0.61234567, 3.3178, 1_700_000_000_000L + step, OptionalDouble.empty(), OptionalDouble.empty(), Optional.empty());
    }

    private List<Long> steps() {
        return JsonLines.read(folder.resolve("metrics.jsonl"), Metrics::of).stream().map(Metrics::step).toList();
    }

    private void write(long done, long from, long to) {
        try (var lines = JsonLines.goOn(folder.resolve("metrics.jsonl"), done)) {
            for (long step = from; step <= to; step++) {
                lines.append(row(step).json());
            }
        }
    }

    @Test void aRowReadsBackEqual() {
        var row = new Metrics(7, 2.000000123, 1e-9, 0.1, 99, 1200.5, 0.5, 0.25, 17, OptionalDouble.of(2.5), OptionalDouble.of(1.125), Optional.of("ab12"));
        try (var lines = JsonLines.goOn(folder.resolve("metrics.jsonl"), 0)) {
            lines.append(row.json());
        }
        assertEquals(List.of(row), JsonLines.read(folder.resolve("metrics.jsonl"), Metrics::of));
    }

    @Test void aLossThatIsNoNumberIsWrittenAsNullAndReadAsNaN() {
        var row = new Metrics(1, Double.NaN, 1, Double.POSITIVE_INFINITY, 1, 1, Double.NaN, 1, 1, OptionalDouble.empty(), OptionalDouble.empty(), Optional.empty());
        assertTrue(row.json().contains("\"loss\":null") && row.json().contains("\"grad_norm\":null"), row.json());
        write(0, 1, 0);
        try (var lines = JsonLines.goOn(folder.resolve("metrics.jsonl"), 0)) {
            lines.append(row.json());
        }
        assertTrue(Double.isNaN(JsonLines.read(folder.resolve("metrics.jsonl"), Metrics::of).getFirst().loss()));
    }

    @Test void rowsBeyondTheResumedStepAreDropped() {
        write(0, 1, 30);
        write(20, 21, 25);
        assertEquals(List.of(1L, 2L, 20L, 21L, 25L), List.of(steps().get(0), steps().get(1), steps().get(19), steps().get(20), steps().get(24)));
        assertEquals(25, steps().size());
    }

    @Test void aFreshRunStartsWithNoRows() {
        write(0, 1, 5);
        write(0, 1, 2);
        assertEquals(List.of(1L, 2L), steps());
    }

    @Test void aTornLastLineIsDropped() throws Exception {
        write(0, 1, 3);
        Files.writeString(folder.resolve("metrics.jsonl"), "{\"step\":4,\"lo", StandardOpenOption.APPEND);
        assertEquals(List.of(1L, 2L, 3L), steps());
        write(4, 4, 4);
        assertEquals(List.of(1L, 2L, 3L, 4L), steps());
    }

    @Test void aLastLineWithoutItsEndIsTornEvenIfItReads() throws Exception {
        write(0, 1, 2);
        Files.writeString(folder.resolve("metrics.jsonl"), "{\"step\":3}", StandardOpenOption.APPEND);
        assertEquals(List.of(1L, 2L), steps());
    }

    @Test void linesThatAreNoObjectsAreDropped() throws Exception {
        Files.writeString(folder.resolve("metrics.jsonl"), "\0\0\0\n[1]\n{\"step\":1,\"loss\":2.0}\nnull\n\n");
        write(1, 2, 2);
        assertEquals(List.of(1L, 2L), steps());
    }

    @Test void aMissingFileHasNoLines() {
        assertEquals(List.of(), JsonLines.read(folder.resolve("none.jsonl"), Metrics::of));
    }

    @Test void aFolderThatIsMissingIsNamed() {
        assertTrue(assertThrows(DiskException.class, () -> JsonLines.goOn(folder.resolve("no/metrics.jsonl"), 0)).getMessage().contains("metrics.jsonl"));
    }
}
