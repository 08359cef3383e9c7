package dev.xiaolu.rank;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.comm.Message;
import dev.xiaolu.comm.Region;
import dev.xiaolu.comm.Regions;
import dev.xiaolu.nn.RoutedExperts;
import dev.xiaolu.platform.Clock;
import dev.xiaolu.platform.DiskException;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Leaf;
import dev.xiaolu.recover.Member;
import dev.xiaolu.store.DigestChain;
import dev.xiaolu.store.TensorDigest;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.train.Verdict;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/// One rank: does what the control plane orders, one order after the other, and computes leaves in between.
///
/// An order that a later change of membership has made void is left where it stands. Runs on the current [Compute]; everything but [Inbox] is for one thread.
final class Rank implements Replica.Peers {
    private static final long FORGETS = 8;                       // a rank without leaves forgets an eighth of their time with each step

    private final Endpoint endpoint;
    private final Liaison liaison;
    private final Region region;
    private final Regions regions;
    private final Replica replica;
    private final Checkpoints checkpoints;
    private final Saver saver;
    private final int copies;
    private final Inbox inbox;
    private final Exchange exchange;                             // null where every rank has all experts

    private long generation;                                     // of the newest layout seen here
    private long settled;                                        // the generation that settled last
    private long committed = -1;
    private Set<Long> peers = Set.of();
    private Placement placement;                                 // of the settled generation
    private Placement next;                                      // of the newest layout
    private long step;                                           // of the leaves below
    private final Deque<Integer> todo = new ArrayDeque<>();
    private final Deque<Integer> checks = new ArrayDeque<>();
    private Staging staging;                                     // null unless values of others are awaited
    private final Map<Made, Message> made = new HashMap<>();
    private DigestChain chain = DigestChain.START;
    private long leavesTimed;
    private boolean idle;                                        // whether nothing was computed since the last commit
    private long flip = -1;
    private long looked = -1;                                    // the step after which this rank has looked at the model last
    private String farewell;                                     // why the end has come; null before
    private boolean finished;
    private long missed = -1;                                    // the step that could not be looked at yet, -1: none

    /// What another rank has said to have made.
    private record Made(long generation, long step, long id) {}

    /// A step whose own part is made.
    private record Staging(long step, Verdict verdict, List<Long> totals) {}

    Rank(Endpoint endpoint, Liaison liaison, Region region, Regions regions, Replica replica, Checkpoints checkpoints, int copies, Inbox inbox) {
        this.endpoint = endpoint;
        this.liaison = liaison;
        this.region = region;
        this.regions = regions;
        this.replica = replica;
        this.checkpoints = checkpoints;
        this.copies = copies;
        this.inbox = inbox;
        saver = new Saver(checkpoints.store(), self(), new SaverMail(endpoint, liaison, inbox), inbox.progress::incrementAndGet);
        exchange = replica.shards().parts() > 1 ? new Exchange(endpoint, regions, replica, inbox.rows, this::isVoid, inbox.progress::incrementAndGet) : null;
    }

    /// Works until the run ends or goes on without this rank. Gives why, where it did not end as it should; null where it did.
    String work() {
        try (saver; exchange) {
            return worked();
        }
    }

    private String worked() {
        Scratch scratch = Compute.current().scratch();
        Scratch.Mark before = scratch.mark();
        while (!finished && farewell == null) {
            boolean idle = todo.isEmpty() && checks.isEmpty();
            try {
                replica.spent.on(Spent.Part.ORDERS);
                Inbox.Item item = idle ? inbox.items.poll(100, TimeUnit.MILLISECONDS) : inbox.items.poll();
                replica.spent.on(Spent.Part.WAITING);
                if (item != null) {
                    handle(item);
                    inbox.progress.incrementAndGet();
                } else if (!idle) {
                    compute();
                    inbox.progress.incrementAndGet();
                }
            } catch (Regions.Abandoned _) {
                scratch.reset(before);                           // a newer layout is in the inbox
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
                return "interrupted";
            }
            String lost = inbox.lost();
            if (lost != null) {
                return lost;
            }
        }
        return farewell;
    }

    private long self() {
        return endpoint.self();
    }

    private void tell(Event event) {
        liaison.tell(event);
    }

    private void handle(Inbox.Item item) {
        switch (item.message().kind()) {
            case Wire.ORDER -> {
                chain = item.chain().isEmpty() ? chain : new DigestChain(item.chain());
                order(item.order());
            }
            case Wire.MADE -> {
                made.put(new Made(Wire.number(item.message(), 0), Wire.number(item.message(), 1), item.from()), item.message());
                takeIfAllMade();
            }
            case Wire.WANT -> wanted(SaverMail.wanted(item.from(), item.message()));
            case Wire.WRITTEN -> saver.written(item.from(), SaverMail.part(item.message()));
            case Wire.ROWS, Wire.ROWS_BACK -> {
                if (exchange != null) {
                    exchange.serve();
                }
            }
            case Wire.LOOK -> look(Wire.number(item.message(), 0));
            case Wire.FULL -> checkpoints.refuse(Wire.number(item.message(), 0));
            case Wire.LEAP -> Clock.leap(Wire.number(item.message(), 0));
            case Wire.FLIP -> flip = Wire.number(item.message(), 0);
            case Wire.FAREWELL -> farewell = Wire.text(item.message());
            default -> { }
        }
    }

    private void order(Action order) {
        switch (order) {
            case Action.Layout layout -> layout(layout);
            case Action.Settled(long of, _) -> {
                if (of == generation) {
                    placement = next;
                    settled = generation;
                    if (exchange != null) {
                        exchange.settles(placement);
                        saver.awaitCopied(0);
                        saver.awaitCopied(1);
                        replica.release(self(), placement);
                    }
                    if (missed == committed) {
                        look(missed);
                    }
                }
            }
            case Action.Compute compute -> {
                step = compute.step();
                todo.clear();                                    // leaves whose Computed is still on its way are listed, and in the sums already
                compute.leaves().stream().filter(leaf -> !replica.isAdded(step, leaf)).forEach(todo::add);
                checks.clear();
                checks.addAll(compute.checks());
            }
            case Action.Reduce reduce when isNow(reduce.generation()) -> {
                List<Long> counts = replica.reduce(reduce.step(), self(), placement, reduce.holders(), this);
                replica.outside(reduce.step()).ifPresent(where -> tell(new Event.Noted(self(), Noted.OUTSIDE, where)));
                tell(new Event.Reduced(self(), generation, reduce.step(), counts));
            }
            case Action.Update update when isNow(update.generation()) -> update(update);
            case Action.Commit commit -> {
                if (idle) {                                      // who gets no leaves shall not be taken for as slow as it once was for ever
                    inbox.nanosPerLeaf.updateAndGet(nanos -> nanos - nanos / FORGETS);
                }
                idle = true;
                committed = commit.step();
                replica.spent.step();
                todo.clear();
                checks.clear();
                replica.drop();
                staging = null;
                begin(placement);
            }
            case Action.Save save when placementOf(save.generation()) != null ->
                save(save, placementOf(save.generation()));
            case Action.Save save -> tell(new Event.SaveFailed(self(), save.generation(), save.step(), Saver.changed(save.step())));
            case Action.Finish _ -> finished = true;
            default -> { }
        }
    }

    /// Whether an order is of the newest generation that has come here.
    private boolean isNow(long of) {
        return of == generation && of == settled && inbox.newest.get() <= generation;
    }

    /// Also where nobody is left who could say that something is void.
    private boolean isVoid() {
        return inbox.newest.get() > generation || inbox.lost() != null;
    }

    private void layout(Action.Layout layout) {
        generation = layout.generation();
        if (exchange != null) {
            exchange.begins(generation);
        }
        todo.clear();
        checks.clear();
        staging = null;
        missed = layout.committed() < missed ? -1 : missed;     // it will be asked for again
        looked = layout.committed() < looked ? -1 : looked;
        made.keySet().removeIf(each -> each.generation < generation);
        if (layout.base().isEmpty() || layout.anew() || layout.committed() != committed) {
            replica.drop();                                      // also where this layout is void already: the next one does not say it again
        }
        looked = layout.committed() < looked ? -1 : looked;
        meet(layout.members());
        if (isVoid()) {
            return;
        }
        next = replica.placement(layout.members().stream().map(Member::id).toList(), copies);
        if (!layout.base().contains(self())) {
            saver.awaitCopied(0);
            saver.awaitCopied(1);
        }
        if (layout.base().isEmpty()) {
            try {
                checkpoints.restore(replica, layout.committed(), name -> next.hasWeights(self(), name), name -> next.isHolder(self(), name));
            } catch (InputException | DiskException damaged) {
                tell(new Event.Noted(self(), Noted.UNREADABLE, Long.toString(layout.committed())));
                return;                                          // another layout will come, from an older one
            }
        } else {
            takeOver(layout);
        }
        committed = layout.committed();
        begin(next);
        tell(new Event.Ready(self(), generation));
    }

    /// Where others add to the sums of this rank, these are ready before anybody can be asked for a leaf.
    private void begin(Placement among) {
        if (exchange != null) {
            replica.begin(committed + 1, self(), among);
            exchange.at(committed + 1);
        }
    }

    private void meet(List<Member> members) {
        var now = new HashSet<Long>();
        for (Member member : members) {
            if (member.id() != self()) {
                now.add(member.id());
                endpoint.know(member.id(), member.host(), member.port());
            }
        }
        for (long gone : peers) {
            if (!now.contains(gone)) {
                endpoint.forget(gone);
                regions.forget(gone);
            }
        }
        peers = now;
        saver.members(members.stream().map(Member::id).toList());
    }

    /// Takes from those who have it what is not here yet: weights, which a newcomer has none of, and the optimizer state that is to be here from now on.
    private void takeOver(Action.Layout layout) {
        Placement before = replica.placement(layout.settled(), copies);
        List<Long> base = layout.base();
        Slot slot = replica.slot(layout.committed());
        int turn = 0;
        for (var shard : slot.shards.all()) {
            String name = shard.name();
            if (next.hasWeights(self(), name) && !(base.contains(self()) && before.hasWeights(self(), name))) {
                List<Long> sources = before.withWeights(name).stream().filter(base::contains).toList();
                read(sources.get(turn++ % sources.size()), shard.value());
            }
        }
        if (!base.contains(self())) {
            replica.changed();                                   // whoever was there has the digests of all, and they stay as they are
        }
        for (var parameter : slot.trained()) {
            String name = parameter.name();
            if (next.isHolder(self(), name) && !(base.contains(self()) && before.isHolder(self(), name))) {
                long source = before.holders(name).stream().filter(base::contains).findFirst().orElseThrow();
                slot.state(name).forEach(state -> read(source, state));
            }
        }
    }

    private void compute() {
        long begun = Clock.real().nanos();
        List<Leaf> told;
        if (todo.isEmpty()) {
            told = List.of(apart(checks.remove(), true));
        } else if (checkpoints.isDoubled(step, todo.peek())) {
            told = List.of(apart(todo.remove(), false));
        } else {
            int first = todo.remove(), leaves = 1;
            while (exchange == null && leaves < replica.plan(step).microBatchLeaves() && !todo.isEmpty() && todo.peek() == first + leaves && !checkpoints.isDoubled(step, todo.peek())) {
                todo.remove();
                leaves++;
            }
            int count = leaves;
            told = exchange == null ? replica.compute(step, first, count) : exchange.leaves(() -> replica.compute(step, first, count));
        }
        timed((Clock.real().nanos() - begun) / told.size());
        tell(new Event.Computed(self(), settled, step, told));
    }

    private Leaf apart(int leaf, boolean check) {
        long bit = takeFlip();
        var experts = new HashMap<String, long[]>();
        return exchange == null ? replica.computeApart(step, leaf, check, bit, experts) : exchange.leafApart(check, experts, () -> replica.computeApart(step, leaf, check, bit, experts));
    }

    /// A leaf has taken so long. The first one of a process counts for nothing, as it warms the compiler up.
    private void timed(long nanos) {
        long before = inbox.nanosPerLeaf.get();
        inbox.nanosPerLeaf.set(leavesTimed++ == 0 ? 0 : before == 0 ? nanos : (before + nanos) / 2);
        idle = false;
    }

    private long takeFlip() {
        long now = flip;
        flip = -1;
        return now;
    }

    private void update(Action.Update update) {
        Verdict verdict = replica.verdict(update.step(), update.totals());
        if (!verdict.sound()) {
            return;                                              // the coordinator sees it too and ends the run
        }
        replica.spent.on(Spent.Part.ORDERS);
        saver.awaitCopied(update.step());
        replica.spent.on(Spent.Part.CHECKPOINTS);
        replica.update(update.step(), self(), placement, verdict);
        staging = new Staging(update.step(), verdict, update.totals());
        var told = new Message(Wire.MADE, Wire.numbers(Wire.MADE, generation, update.step()).head(), Fingerprints.body(replica.ownExperts(update.step(), self(), placement)));
        peers.forEach(peer -> endpoint.send(peer, told));
        takeIfAllMade();
    }

    private void takeIfAllMade() {
        if (staging != null && peers.stream().allMatch(peer -> made.containsKey(new Made(generation, staging.step, peer)))) {
            Staging now = staging;
            staging = null;
            var elsewhere = new HashMap<String, TensorDigest>();
            peers.forEach(peer -> elsewhere.putAll(Fingerprints.read(made.get(new Made(generation, now.step, peer)).body())));
            var digests = replica.take(now.step, self(), placement, now.verdict, now.totals, elsewhere, this);
            made.keySet().removeIf(each -> each.step <= now.step);
            tell(new Event.Staged(self(), generation, now.step, digests));
        }
    }

    /// A member wants a part of a checkpoint. It asked right after the step was committed, before it made anything of the next one, so what was made here since went into the other slot.
    private void wanted(Saver.Wanted wanted) {
        Placement its = placementOf(wanted.generation());
        if (its == null || Math.abs(wanted.step() - committed) > 1) {
            saver.refuse(wanted);
        } else {
            replica.spent.on(Spent.Part.ORDERS);
            saver.write(wanted, replica.slot(wanted.step()), its);
            replica.spent.on(Spent.Part.CHECKPOINTS);
        }
    }

    private void save(Action.Save save, Placement its) {
        if (its.isSpread() && !replica.hasDigests(save.step())) { // has come since, and was told none of the experts that are elsewhere
            tell(new Event.SaveFailed(self(), save.generation(), save.step(), Saver.changed(save.step())));
            return;
        }
        replica.spent.on(Spent.Part.ORDERS);
        saver.begin(save, replica.slot(save.step()), its, checkpoints.head(replica, save.step(), chain));
        replica.spent.on(Spent.Part.CHECKPOINTS);
    }

    /// The placement of a generation that is settled, or is about to be; null where that is another one.
    private Placement placementOf(long of) {
        return of == settled ? placement : of == generation ? next : null;
    }

    private void look(long at) {
        if (at == looked) {                                      // a new leader may ask again
            return;
        }
        if (at != committed) {
            looked = at;
            tell(new Event.Noted(self(), Noted.SEEN, "{\"step\":%d}".formatted(at)));   // too late to see anything
            return;
        }
        replica.spent.on(Spent.Part.ORDERS);
        missed = at;                                             // until it has been seen: a new generation may come between
        var made = replica.slot(at).made;
        String seen = exchange == null ? checkpoints.look(made, at, inbox.progress::incrementAndGet)
                : RoutedExperts.exchanging(exchange.looking(placement, this), () -> checkpoints.look(made, at, () -> {
                    inbox.progress.incrementAndGet();
                    exchange.serve();
                }));
        missed = -1;
        looked = at;
        tell(new Event.Noted(self(), Noted.SEEN, seen));
        replica.spent.on(Spent.Part.LOOKS);
    }

    @Override public void read(long id, Tensor tensor) {
        inbox.progress.incrementAndGet();
        if (isVoid()) {
            throw regions.abandoned(id);
        }
        regions.read(id, region.offsetOf(tensor.data()), tensor.data(), this::isVoid);
    }

    @Override public Tensor view(long id, Tensor tensor) {
        if (id == self()) {
            return tensor;
        }
        var there = regions.shared(id);
        if (there != null) {
            return tensor.over(there.asSlice(region.offsetOf(tensor.data()), tensor.data().byteSize()));
        }
        Scratch scratch = Compute.current().scratch();
        Tensor copy = scratch.allocate(tensor.type());
        regions.read(id, region.offsetOf(tensor.data()), copy.data(), this::isVoid);
        return copy;
    }
}
