package dev.xiaolu.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class ScheduleTest {
    @Test void warmUpIsALineFromZero() {
        for (Schedule schedule : new Schedule[] {Schedule.constant(2, 4), Schedule.cosine(2, 1, 4, 20), Schedule.warmupConstantDecay(2, 1, 4, 5, 20)}) {
            assertEquals(0.5, schedule.rate(1));
            assertEquals(1.0, schedule.rate(2));
            assertEquals(2.0, schedule.rate(4));
        }
    }

    @Test void cosineEndsAtTheFloor() {
        Schedule schedule = Schedule.cosine(1, 0.1, 0, 100);
        assertEquals(0.55, schedule.rate(50), 1e-15);
        assertEquals(0.1, schedule.rate(100), 1e-15);
        assertEquals(0.1, schedule.rate(500), 1e-15);
    }

    @Test void constantThenDecayIsFlatThenALine() {
        Schedule schedule = Schedule.warmupConstantDecay(1, 0, 10, 20, 100);
        assertEquals(1, schedule.rate(11));
        assertEquals(1, schedule.rate(80));
        assertEquals(0.5, schedule.rate(90), 1e-15);
        assertEquals(0, schedule.rate(100));
    }
}
