package dev.xiaolu.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.Clock;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunJournalTest {
    @TempDir Path folder;

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final RunConfig config = ConfigReader.words(List.of("tiny")).config();

    private RunJournal open(long done) {
        return RunJournal.open(folder, config, done, Clock.real(), Screen.plain(new PrintStream(bytes, true, StandardCharsets.UTF_8)));
    }

    private static RunJournal.Standing standing(String state) {
        return new RunJournal.Standing(state, Map.of(), Map.of(), Map.of(), Optional.empty());
    }

    @Test void aStoppedAndResumedJournalReadsLikeOneThatWasNot() {
        try (RunJournal journal = open(0)) {
            for (long step = 1; step <= 12; step++) {
                journal.step(JsonLinesTest.row(step));
                journal.sample(new DrawnSample(step, "p", "before"));
            }
            journal.force();
        }
        try (RunJournal journal = open(10)) {
            for (long step = 11; step <= 20; step++) {
                journal.step(JsonLinesTest.row(step));
                journal.sample(new DrawnSample(step, "p", "after"));
            }
            journal.report(standing("finished: 20 steps"));
        }
        List<Metrics> rows = JsonLines.read(folder.resolve(RunJournal.METRICS), Metrics::of);
        assertEquals(20, rows.size());
        for (int i = 0; i < 20; i++) {
            assertEquals(i + 1, rows.get(i).step());
        }
        List<DrawnSample> samples = JsonLines.read(folder.resolve(RunJournal.SAMPLES), DrawnSample::of);
        assertEquals("before", samples.get(9).text());
        assertEquals("after", samples.get(10).text());
        assertTrue(Files.exists(folder.resolve(RunJournal.REPORT)));
    }

    @Test void aJournalThatCannotBeWrittenIsSaidOnceAndTheRunGoesOn() throws Exception {
        RunJournal journal = open(0);
        journal.step(JsonLinesTest.row(1));
        Files.createDirectories(folder.resolve("report.html/in the way"));
        journal.report(standing("stopped"));
        journal.report(standing("stopped"));
        journal.step(JsonLinesTest.row(20));
        journal.close();
        String text = bytes.toString(StandardCharsets.UTF_8);
        assertEquals(1, text.split("warning: ", -1).length - 1, text);
        assertTrue(text.contains("report.html") && text.contains("step 20/20"), text);
    }
}
