package dev.xiaolu.rank;

import dev.xiaolu.comm.Message;
import dev.xiaolu.consensus.EventLog;
import dev.xiaolu.consensus.Replica;
import dev.xiaolu.consensus.ReplicatedLog;
import dev.xiaolu.consensus.SingleLog;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Lines;
import dev.xiaolu.recover.Member;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/// Begins the log of a launch: at once where it has one coordinator, else with the first ranks that come and are fit for it.
///
/// Thread-safe.
final class Founding {
    private final Coordinator coordinator;
    private final Charter charter;
    private final Map<String, String> fingerprint;
    private final int wanted;
    private final Function<Member, Member> reach;
    private final List<Replica> founders = new ArrayList<>();

    /// @param charter     its founders are those that are known: the launching process
    /// @param fingerprint what a rank must be built from and set to
    /// @param wanted      how many replicas there are to be, 1 or more
    Founding(Coordinator coordinator, Charter charter, Map<String, String> fingerprint, int wanted, Function<Member, Member> reach) {
        this.coordinator = coordinator;
        this.charter = charter;
        this.fingerprint = fingerprint;
        this.wanted = wanted;
        this.reach = reach;
        founders.addAll(charter.founders());
        if (wanted == 1) {
            coordinator.opens(charter, listener -> new SingleLog(coordinator.post.self(), listener));
        }
    }

    /// Looks at what a rank has sent, before the coordinator does.
    synchronized void received(long from, Message message) {
        if (founders.size() == wanted || message.kind() != Wire.EVENT || !(Lines.event(Wire.text(message)) instanceof Event.Joined(Member said, var its)) || said.id() != from || !its.equals(fingerprint)
                || founders.stream().anyMatch(founder -> founder.id() == from)) {
            return;
        }
        Member member = reach.apply(said);
        coordinator.post.know(member.id(), member.host(), member.port());
        founders.add(new Replica(member.id(), member.host(), member.port()));
        if (founders.size() == wanted) {
            Charter whole = charter.withFounders(founders);
            founders.stream().map(Replica::id).filter(id -> id != coordinator.post.self()).forEach(id -> coordinator.post.send(id, Wire.text(Wire.SERVE, whole.json())));
            coordinator.opens(whole, listener -> ReplicatedLog.open(ReplicatedLog.Options.of(founders.getFirst(), founders), coordinator.post.endpoint(), listener));
        }
    }

    /// A log that is replicated, as a replica opens it that has been told the charter.
    static Function<EventLog.Listener, EventLog> joining(Charter charter, Replica self, Post post) {
        return listener -> ReplicatedLog.open(ReplicatedLog.Options.of(self, charter.founders()), post.endpoint(), listener);
    }
}
