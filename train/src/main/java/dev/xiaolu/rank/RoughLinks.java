package dev.xiaolu.rank;

import dev.xiaolu.recover.Member;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/// Puts a [RoughLink] before the port of every rank that joins, so that whoever calls it, ranks and coordinator, goes through; in drills alone. Thread-safe.
final class RoughLinks implements AutoCloseable {
    private final Map<Long, RoughLink> byId = new ConcurrentHashMap<>();
    private final Map<Integer, RoughLink> byWorker = new ConcurrentHashMap<>();

    /// The same member, reached through a link of its own.
    Member behind(Member member) {
        RoughLink link = byId.computeIfAbsent(member.id(), id -> new RoughLink(member.port(), id));
        return new Member(member.id(), member.host(), link.port(), member.pid());
    }

    /// The port at which worker `number` reaches the coordinator, which listens at `port`.
    int rendezvous(int number, int port) {
        return byWorker.computeIfAbsent(number, each -> new RoughLink(port, each)).port();
    }

    /// Spoils all that goes to and from a member.
    void weather(long id, int worker, RoughLink.Weather weather, long millis) {
        for (RoughLink link : new RoughLink[] {byId.get(id), byWorker.get(worker)}) {
            if (link != null) {
                link.set(weather, millis);
            }
        }
    }

    @Override public void close() {
        byId.values().forEach(RoughLink::close);
        byWorker.values().forEach(RoughLink::close);
    }
}
