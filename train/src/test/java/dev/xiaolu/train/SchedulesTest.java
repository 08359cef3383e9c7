package dev.xiaolu.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.optim.Schedule;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SchedulesTest {
    private static RunConfig config(String schedule) {
        return ConfigReader.words(List.of("tiny", "train.steps=100", "optim.warmup_steps=10", "optim.decay_fraction=0.2", "optim.schedule=" + schedule)).config();
    }

    @ParameterizedTest @CsvSource({"cosine,11", "wsd,81"})
    void theRateDecaysFromTheFirstStepBelowThePeak(String name, long first) {
        RunConfig config = config(name);
        assertEquals(first, Schedules.decayFrom(config));
        Schedule schedule = Schedules.of(config);
        assertEquals(config.optim().learningRate(), schedule.rate(first - 1), 1e-15);
        assertTrue(schedule.rate(first) < schedule.rate(first - 1));
    }

    @Test void aConstantRateNeverDecays() {
        assertEquals(Long.MAX_VALUE, Schedules.decayFrom(config("constant")));
    }
}
