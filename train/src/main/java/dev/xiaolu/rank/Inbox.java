package dev.xiaolu.rank;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.comm.Message;
import dev.xiaolu.comm.Regions;
import dev.xiaolu.comm.TransportException;
import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Lines;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicLong;

/// What has come for a rank and waits to be done. Thread-safe.
final class Inbox implements Endpoint.Receiver {
    private static final Set<Integer> FROM_RANKS = Set.of(Wire.MADE, Wire.WANT, Wire.WRITTEN, Wire.WRITING);

    /// What is to be done; `chain` goes with an order to save.
    record Item(long from, Message message, Action order, String chain) {}

    final LinkedBlockingQueue<Item> items = new LinkedBlockingQueue<>();
    final LinkedBlockingQueue<Exchange.Came> rows = new LinkedBlockingQueue<>();
    final AtomicLong newest = new AtomicLong();                  // generation of the newest layout that has come
    private long index = -1, place;                              // number of the newest order that has come
    private volatile Regions regions;
    private volatile Liaison liaison;
    final AtomicLong progress = new AtomicLong();
    final AtomicLong nanosPerLeaf = new AtomicLong();

    void serve(Regions with, Liaison by) {
        regions = with;
        liaison = by;
    }

    /// Why no coordinator is within reach, or null.
    String lost() {
        return liaison.lost();
    }

    @Override public void received(long from, Message message) {
        Regions serving = regions;
        if (serving != null && serving.received(from, message)) {
            return;
        }
        Liaison by = liaison;
        if (by == null || by.received(from, message)) {
            return;
        }
        by.heardOf(from);
        if (message.kind() == Wire.ORDER && by.isReplica(from)) {
            order(from, message);
        } else if (message.kind() == Wire.ROWS || message.kind() == Wire.ROWS_BACK) {
            rows.add(new Exchange.Came(from, message));
            items.add(new Item(from, Message.of(message.kind()), null, ""));         // wakes a rank that has nothing else to do
        } else if (FROM_RANKS.contains(message.kind()) || by.isReplica(from) && message.kind() != Wire.BEAT) {
            items.add(new Item(from, message, null, ""));
        }
    }

    /// An order that has come before, from this leader or the one before it, or that a later one has overtaken, is left aside.
    private synchronized void order(long from, Message message) {
        long at = Wire.number(message, 0), in = Wire.number(message, 1);
        if (at < index || at == index && in <= place) {
            return;
        }
        index = at;
        place = in;
        String[] lines = Wire.text(message).split("\n", 2);
        Action order = Lines.action(lines[0]);
        if (order instanceof Action.Layout layout) {
            newest.accumulateAndGet(layout.generation(), Math::max);
        }
        items.add(new Item(from, message, order, lines.length > 1 ? lines[1] : ""));
    }

    @Override public void failed(long peer, TransportException why) {
        Liaison by = liaison;
        if (by != null) {
            by.failed(peer, why);
        }
    }
}
