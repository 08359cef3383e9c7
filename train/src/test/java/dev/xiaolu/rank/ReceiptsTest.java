package dev.xiaolu.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.xiaolu.recover.Event;
import org.junit.jupiter.api.Test;

class ReceiptsTest {
    private final Receipts receipts = new Receipts();

    private static Event ready(long id, long generation) {
        return new Event.Ready(id, generation);
    }

    @Test void whatCountsIsReceiptedToTheOneWhoSaidIt() {
        receipts.appended(5, 1, ready(5, 1));
        receipts.appended(6, 1, ready(6, 1));
        receipts.appended(5, 2, ready(5, 2));
        assertEquals(0, receipts.counted(5));
        receipts.applied(ready(5, 1));
        receipts.applied(ready(9, 1));                           // came in by another replica
        receipts.applied(ready(6, 1));
        assertEquals(1, receipts.counted(5));
        assertEquals(1, receipts.counted(6));
        receipts.applied(ready(5, 2));
        assertEquals(2, receipts.counted(5));
        assertEquals(0, receipts.counted(9));
    }

    @Test void snapshotReceiptsNothingByItselfButWhatComesAfterReceiptsWhatCameBefore() {
        receipts.appended(5, 1, ready(5, 1));
        receipts.forget();
        assertEquals(0, receipts.counted(5));
        receipts.appended(5, 2, ready(5, 2));
        receipts.applied(ready(5, 2));
        assertEquals(2, receipts.counted(5));
    }
}
