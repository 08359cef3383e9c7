package dev.xiaolu.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.Clock;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ProgressLineTest {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    private long now = 5_000_000_000L;
    private final Clock clock = new Clock() {
        @Override public long nanos() {
            return now;
        }

        @Override public long wallMillis() {
            return now / 1_000_000;
        }
    };

    private Screen screen(boolean live, boolean colour, boolean unicode, int width) {
        return new Screen(out, live, colour, unicode, () -> width);
    }

    private static Metrics step(long step, double loss) {
        return new Metrics(step, loss, 1e-3, 1, step * 4096, 4096, 0.61, 1.0, 0, OptionalDouble.empty(), OptionalDouble.empty(), Optional.empty());
    }

    private String written() {
        return bytes.toString(StandardCharsets.UTF_8);
    }

    @Test void theWholeLineShowsBarStepLossSpeedTimeAndUse() {
        var line = new ProgressLine(screen(true, false, true, 120), clock, 400);
        line.step(step(100, 3.25));
        assertEquals("━━━━━━━━────────────────────────  step 100/400  loss 3.2500  4096 tok/s  ETA 5:00  MFU 61%", line.line(119));
    }

    @ParameterizedTest @ValueSource(ints = {1, 5, 11, 12, 13, 20, 26, 38, 40, 47, 48, 57, 60, 79, 80, 100, 119, 300})
    void noLineIsWiderThanTheScreen(int columns) {
        for (boolean unicode : new boolean[] {false, true}) {
            var line = new ProgressLine(screen(true, false, unicode, columns + 1), clock, 400);
            line.step(step(123, 3.25));
            String text = line.line(columns);
            assertTrue(text.length() <= columns, columns + ": " + text);
            assertTrue("step 123/400".startsWith(text) || text.contains("step 123/400"), text);
        }
    }

    @Test void coloursAddNoColumn() {
        var plain = new ProgressLine(screen(true, false, true, 100), clock, 400);
        var coloured = new ProgressLine(screen(true, true, true, 100), clock, 400);
        plain.step(step(7, 9));
        coloured.step(step(7, 9));
        assertEquals(plain.line(99), coloured.line(99).replaceAll("\033\\[[0-9;]*m", ""));
        assertTrue(coloured.line(99).contains("\033["));
    }

    @Test void withoutUnicodeTheBarIsAscii() {
        var line = new ProgressLine(screen(true, false, false, 100), clock, 4);
        line.step(step(2, 1));
        assertTrue(line.line(99).startsWith("[==============>               ]  step 2/4"), line.line(99));
        line.step(step(4, 1));
        assertTrue(line.line(99).startsWith("[==============================]"), line.line(99));
        assertTrue(line.line(99).chars().allMatch(c -> c < 128));
    }

    @Test void aTerminalHasOneLineThatIsWrittenOver() {
        var line = new ProgressLine(screen(true, false, true, 100), clock, 3);
        for (int i = 1; i <= 3; i++) {
            now += 1_000_000_000L;
            line.step(step(i, i));
        }
        line.end();
        assertEquals(4, written().split("\r", -1).length - 1);
        assertTrue(written().endsWith(System.lineSeparator()));
    }

    @Test void fastStepsAreNotAllDrawn() {
        var line = new ProgressLine(screen(true, false, true, 100), clock, 1000);
        for (int i = 1; i < 1000; i++) {
            now += 1_000_000L;
            line.step(step(i, 1));
        }
        int pictures = written().split("\r", -1).length - 1;
        assertTrue(pictures >= 10 && pictures <= 14, pictures + " pictures of a second");
    }

    @Test void elsewhereAWholeLineComesNowAndThen() {
        var line = new ProgressLine(Screen.plain(out), clock, 100);
        for (int i = 1; i <= 100; i++) {
            now += 1_000_000_000L;
            line.step(step(i, 2));
        }
        line.end();
        String text = written();
        assertFalse(text.contains("\r") || text.contains("\033"), text);
        assertEquals(11, text.lines().count(), text);
        assertTrue(text.startsWith("step   1/100  loss 2.0000  4096 tok/s  ETA 1:39  MFU 61%"), text);
        assertTrue(text.lines().toList().getLast().startsWith("step 100/100"), text);
    }

    @Test void whatIsSaidStandsAboveTheLine() {
        var line = new ProgressLine(screen(true, false, true, 100), clock, 10);
        line.step(step(1, 2));
        line.say("held-out: 2.1 bits per byte");
        String text = written();
        int said = text.indexOf("\r\033[Kheld-out: 2.1 bits per byte");
        assertTrue(said > 0 && text.indexOf("step  1/10", said) > said, text);
    }

    @Test void aLossThatIsNoNumberIsShownAndDoesNotStick() {
        var line = new ProgressLine(screen(true, false, true, 100), clock, 10);
        line.step(step(1, Double.NaN));
        assertTrue(line.line(99).contains("loss NaN"), line.line(99));
        line.step(step(2, 3));
        assertTrue(line.line(99).contains("loss 3.0000"), line.line(99));
    }

    @ParameterizedTest @CsvSource({"0,0:00", "7.4,0:07", "59.6,1:00", "750,12:30", "11100,3:05:00", "-3,0:00"})
    void durationsReadLikeAClock(double seconds, String text) {
        assertEquals(text, ProgressLine.duration(seconds));
    }

    @ParameterizedTest @CsvSource({"950,950", "9999,9999", "12345,12.3k", "1250000,1.25M"})
    void countsAreShort(double value, String text) {
        assertEquals(text, ProgressLine.count(value));
    }
}
