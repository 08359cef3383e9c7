package dev.xiaolu.rank;

import dev.xiaolu.recover.Event;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/// Up to which number the events count that ranks have sent to this replica. Thread-safe.
final class Receipts {
    private final Deque<Receipt> open = new ArrayDeque<>();      // in the order in which they were appended here
    private final Map<Long, Long> counted = new HashMap<>();

    private record Receipt(long from, long number, Event event) {}

    /// An event is about to be appended here.
    synchronized void appended(long from, long number, Event event) {
        open.add(new Receipt(from, number, event));
    }

    /// An event counts. What was appended here is applied in the order in which it was, so it is the first of the open ones or somebody else's.
    synchronized void applied(Event event) {
        Receipt first = open.peek();
        if (first != null && first.event.equals(event)) {
            open.remove();
            counted.merge(first.from, first.number, Math::max);
        }
    }

    /// A snapshot stands for events that were not seen one by one; whoever sent them says them again.
    synchronized void forget() {
        open.clear();
    }

    synchronized long counted(long from) {
        return counted.getOrDefault(from, 0L);
    }
}
