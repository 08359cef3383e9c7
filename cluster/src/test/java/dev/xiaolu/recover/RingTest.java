package dev.xiaolu.recover;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.HashSet;
import org.junit.jupiter.api.Test;

/// What a loss means, against a count of the holders of every part.
class RingTest {
    @Test void stateSurvivesExactlyWhereEveryPartStillHasAHolder() {
        for (int size = 1; size <= 8; size++) {
            for (int copies = 1; copies <= 4; copies++) {
                for (int lost = 0; lost < 1 << size; lost++) {
                    var settled = new ArrayList<Long>();
                    var gone = new HashSet<Long>();
                    for (int i = 0; i < size; i++) {
                        settled.add(10L + i);
                        if ((lost >> i & 1) == 1) {
                            gone.add(10L + i);
                        }
                    }
                    boolean everyPart = true;
                    for (int owner = 0; owner < size; owner++) {
                        boolean somewhere = false;
                        for (int copy = 0; copy < copies; copy++) {
                            somewhere |= !gone.contains(settled.get((owner + copy) % size));
                        }
                        everyPart &= somewhere;
                    }
                    assertEquals(everyPart, Ring.survives(settled, gone, copies), "%s without %s, %d copies".formatted(settled, gone, copies));
                }
            }
        }
    }
}
