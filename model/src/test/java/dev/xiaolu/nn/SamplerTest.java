package dev.xiaolu.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.InputException;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

class SamplerTest {
    private static Tensor logits(float... values) {
        return Tensor.of(Arena.ofAuto(), Shape.of(values.length), values);
    }

    @Test void temperatureZeroTakesTheLikeliestAndTiesGoToTheLowerId() {
        assertEquals(1, Sampler.greedy().next(logits(0, 3, 3, -1), 5));
    }

    @Test void drawsFollowTheProbabilities() {
        Tensor logits = logits((float) StrictMath.log(1), (float) StrictMath.log(2), (float) StrictMath.log(5));
        int[] counts = new int[3];
        var sampler = new Sampler(1, 1, 4);
        for (int position = 0; position < 8000; position++) {
            counts[sampler.next(logits, position)]++;
        }
        assertEquals(1000, counts[0], 120);
        assertEquals(2000, counts[1], 160);
        assertEquals(5000, counts[2], 180);
    }

    @Test void topPKeepsTheFewestThatReachIt() {
        Tensor logits = logits((float) StrictMath.log(1), (float) StrictMath.log(2), (float) StrictMath.log(5));
        var sampler = new Sampler(1, 0.8, 4);
        for (int position = 0; position < 500; position++) {
            assertTrue(sampler.next(logits, position) > 0, "the least likely token is cut off");
        }
        for (int position = 0; position < 100; position++) {
            assertEquals(2, new Sampler(1, 0.5, 4).next(logits, position));
        }
    }

    @Test void badSettingsAndLogitsAreNamed() {
        assertTrue(assertThrows(InputException.class, () -> new Sampler(-1, 1, 0)).getMessage().contains("temperature is -1.0"));
        assertTrue(assertThrows(InputException.class, () -> new Sampler(1, 0, 0)).getMessage().contains("top-p is 0.0"));
        assertTrue(assertThrows(InputException.class, () -> Sampler.greedy().next(logits(1, Float.NaN), 0)).getMessage().contains("NaN"));
    }
}
