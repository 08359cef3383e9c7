package dev.xiaolu.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricsTailTest {
    @TempDir Path folder;

    private Path file() {
        return folder.resolve(RunJournal.METRICS);
    }

    private MetricsTail followed(MetricsTail tail) {
        tail.follow();
        return tail;
    }

    @Test void rowsAreSeenAsTheyComeAndHalfALineIsNot() throws Exception {
        var tail = new MetricsTail(file());
        assertEquals(0, followed(tail).step());
        try (JsonLines lines = JsonLines.goOn(file(), 0)) {
            for (long step = 1; step <= 50; step++) {
                lines.append(JsonLinesTest.row(step).json());
                assertEquals(step, followed(tail).step());
            }
        }
        Files.writeString(file(), JsonLinesTest.row(51).json().substring(0, 40), StandardOpenOption.APPEND);
        assertEquals(50, followed(tail).step());
        assertEquals(50, tail.loss().size());
        assertEquals(20, tail.last().size());
        assertTrue(Figures.live(tail).contains("<svg"));
    }

    @Test void aRunThatGoesBackIsFollowedBack() {
        var tail = new MetricsTail(file());
        try (JsonLines lines = JsonLines.goOn(file(), 0)) {
            for (long step = 1; step <= 9; step++) {
                lines.append(JsonLinesTest.row(step).json());
            }
        }
        assertEquals(9, followed(tail).step());
        try (JsonLines lines = JsonLines.goOn(file(), 4)) {
            for (long step = 5; step <= 30; step++) {
                lines.append(JsonLinesTest.row(step).json());
            }
        }
        assertEquals(30, followed(tail).step());
        assertEquals(30, tail.loss().size());
    }

    @Test void aFileOfManyMegabytesIsReadWhole() {
        try (JsonLines lines = JsonLines.goOn(file(), 0)) {
            for (long step = 1; step <= 12_000; step++) {
                lines.append(JsonLinesTest.row(step).json());
            }
        }
        var tail = followed(new MetricsTail(file()));
        assertEquals(12_000, tail.step());
        assertEquals(12_000, tail.loss().size());
    }
}
