package dev.xiaolu.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.History;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ControlLogTest {
    @TempDir Path folder;

    private static History.Turn turn(long id) {
        return new History.Turn(new Event.Lost(id, "killed\n# 99"), List.of(new dev.xiaolu.recover.Action.Fence(id, "killed")));
    }

    private List<History.Turn> read() throws Exception {
        return History.parse(ControlLog.turns(Files.readAllLines(folder.resolve("log")))).turns();
    }

    @Test void nextLeaderGoesOnAfterTheNewestWholeTurnAndWritesNoneTwice() throws Exception {
        try (var log = new ControlLog(folder.resolve("log"))) {
            assertEquals(-1, log.index());
            log.add(3, turn(3));
            log.add(7, turn(7));
        }
        Files.writeString(folder.resolve("log"), "Lost id=8 why=\"kil", StandardOpenOption.APPEND);       // torn by the end of its writer
        assertEquals(List.of(turn(3), turn(7)), read(), "what is torn is left out");
        try (var log = new ControlLog(folder.resolve("log"))) {
            assertEquals(7, log.index());
            for (long index : new long[] {3, 7, 8, 9}) {
                log.add(index, turn(index));
            }
        }
        assertEquals(List.of(turn(3), turn(7), turn(8), turn(9)), read());
        Files.writeString(folder.resolve("log"), "Lost id=10 why=\"whole, but its actions may be missing\"\n", StandardOpenOption.APPEND);
        try (var log = new ControlLog(folder.resolve("log"))) {
            assertEquals(9, log.index());
        }
        assertEquals(4, read().size());
    }

    @Test void logOfWhichNothingIsWholeBeginsAnew() throws Exception {
        Files.writeString(folder.resolve("log"), "Lost id=8 why=\"killed\"\n  Fen");
        try (var log = new ControlLog(folder.resolve("log"))) {
            log.add(1, turn(1));
        }
        assertEquals(List.of(turn(1)), read());
    }
}
