package dev.xiaolu.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.xiaolu.consensus.Replica;
import dev.xiaolu.status.WriterProcess;
import dev.xiaolu.store.DigestChain;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class CharterTest {
    @Test void isReadAsItWasWrittenAlsoWhereTheSpeedOfTheMachineIsNotKnown() {
        var charter = new Charter("r-1", List.of(new Replica(1, "h", 7000), new Replica(2, "::1", 7001)), WriterProcess.own(), 5, DigestChain.START.hex(), new TreeMap<>(Map.of(2L, DigestChain.START.hex())), Double.NaN, 9);
        assertEquals(charter, Charter.of(charter.json()));
    }
}
