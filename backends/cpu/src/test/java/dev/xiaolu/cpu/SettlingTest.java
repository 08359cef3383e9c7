package dev.xiaolu.cpu;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.Clock;
import org.junit.jupiter.api.Test;

class SettlingTest {
    private long millis;
    private long compiled;
    private final Settling settling = new Settling(new Clock() {
        @Override public long nanos() {
            return millis * 1_000_000;
        }

        @Override public long wallMillis() {
            return 0;
        }
    }, () -> compiled);

    private boolean goesOnAfter(long passed, long compiling) {
        millis += passed;
        compiled += compiling;
        return settling.goesOn();
    }

    @Test void goesOnWhileTheCompilerTakesHalfOfAProcessor() {
        for (int i = 0; i < 20; i++) {
            assertTrue(goesOnAfter(500, 251));
        }
        assertFalse(goesOnAfter(500, 250), "half a processor is rest");
    }

    @Test void isAskedOnlyOnceInAWindow() {
        assertTrue(goesOnAfter(499, 0), "no window has passed");
        assertFalse(goesOnAfter(1, 0));
    }

    @Test void eachWindowCountsAlone() {
        assertTrue(goesOnAfter(1000, 900));
        assertFalse(goesOnAfter(1000, 100), "what was compiled before the window does not count");
    }
}
