package dev.xiaolu.recover;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/// Who is late.
class HeartbeatsTest {
    @Test void silenceAndIdlenessHaveLimitsOfTheirOwn() {
        var heartbeats = new Heartbeats(1000, 5000);
        var beats = new TreeMap<>(Map.of(1L, new Heartbeats.Beat(8999, 9999), 2L, new Heartbeats.Beat(9000, 5000), 3L, new Heartbeats.Beat(9500, 4999), 4L, new Heartbeats.Beat(9500, 4999)));
        assertEquals(List.of(new Heartbeats.Late(1, "silent for 1001 ms, the limit is 1000 ms"), new Heartbeats.Late(3, "no progress for 5001 ms, the limit is 5000 ms")),
                heartbeats.late(beats, Set.of(1L, 2L, 3L), 10_000));
    }
}
