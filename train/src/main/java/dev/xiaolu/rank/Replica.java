package dev.xiaolu.rank;

import static dev.xiaolu.platform.Check.check;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.comm.Region;
import dev.xiaolu.nn.Filler;
import dev.xiaolu.op.Digest;
import dev.xiaolu.optim.GradientMeans;
import dev.xiaolu.optim.GradientSums;
import dev.xiaolu.optim.Schedule;
import dev.xiaolu.optim.SquaredNorm;
import dev.xiaolu.recover.Leaf;
import dev.xiaolu.store.DigestChain;
import dev.xiaolu.store.TensorDigest;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.train.LeafPasses;
import dev.xiaolu.train.LossSums;
import dev.xiaolu.train.ModelFamily;
import dev.xiaolu.train.ModelState;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.RunData;
import dev.xiaolu.train.Schedules;
import dev.xiaolu.train.StepPlan;
import dev.xiaolu.train.StepPlans;
import dev.xiaolu.train.StepResult;
import dev.xiaolu.train.Verdict;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;

/// The arithmetic of one rank: leaves, its part of the gradient's mean, updates of what it owns; and the state of two steps.
///
/// The state of step `s` lies in slot `s mod 2`. The next step is made in the other one, so nothing is written over before it is committed, whatever was made may be thrown away,
/// and others may read a committed state until the step after the next is made. Runs on the current [Compute]; one thread at a time.
final class Replica implements AutoCloseable {
    /// Reads what another rank has at the same place as this one.
    interface Peers {
        /// Copies `tensor` of rank `id` into the own one.
        void read(long id, Tensor tensor);

        /// `tensor` of rank `id`: a view of its memory or a copy in the scratch; read-only.
        Tensor view(long id, Tensor tensor);
    }

    private final RunConfig config;
    private final RunData data;
    private final StepPlans plans;
    private final Schedule schedule;
    private final ModelFamily family;
    private final Slot[] slots = new Slot[2];
    private final GradientSums sums;
    private final GradientMeans means = new GradientMeans();
    private GradientSums aside;                                  // of one leaf that two ranks compute; null until there is one
    private LossSums losses;
    private long working = -1;                                   // the step whose leaves are in the sums, -1: none
    private final TreeSet<Integer> added = new TreeSet<>();      // those leaves
    private Map<String, TensorDigest> digests = Map.of();
    final Spent spent = new Spent();
    private long digestsOf = -1;

    /// Room for a run, with new weights of its seed in the slot of step 0; sums, weights and optimizer state lie in `region`.
    Replica(RunConfig config, RunData data, Region region) {
        this.config = config;
        this.data = data;
        plans = StepPlans.of(config.train());
        schedule = Schedules.of(config);
        family = ModelFamily.of(config, data.tokenizer());
        slots[0] = new Slot(config, family, ModelFamily.start(config), region.arena());
        slots[1] = new Slot(config, family, tablesOf(ModelFamily.start(config)), region.arena());
        sums = new GradientSums(slots[0].trained(), region.arena());
    }

    /// Fills tables, which no step changes, and nothing else.
    private static Filler tablesOf(Filler filler) {
        return (name, value, initial) -> {
            if (initial instanceof Filler.Table) {
                filler.fill(name, value, initial);
            }
        };
    }

    /// The state of a step.
    Slot slot(long step) {
        return slots[(int) (step % 2)];
    }

    StepPlan plan(long step) {
        return plans.at(step);
    }

    Placement placement(List<Long> members, int copies) {
        return Placement.of(members, copies, slots[0].made.training().model(), slots[0].trained());
    }

    /// Forgets what was computed of a step under way.
    void drop() {
        working = -1;
    }

    /// Whether this leaf is in the sums.
    boolean isAdded(long step, int leaf) {
        return working == step && added.contains(leaf);
    }

    /// Computes neighbouring leaves of step `step` and adds them to the sums.
    List<Leaf> compute(long step, int firstLeaf, int leaves) {
        begin(step);
        var told = new ArrayList<Leaf>();
        for (int leaf = firstLeaf; leaf < firstLeaf + leaves; leaf++) {
            adds(leaf);
            told.add(new Leaf(leaf, false, 0, 0));
        }
        passes(step).pass(step, firstLeaf, leaves, sums, losses);
        spent.on(Spent.Part.LEAVES);
        return told;
    }

    /// Computes one leaf by itself and tells the digest of its gradient; adds it to the sums unless it is a `check` of what another rank has computed.
    ///
    /// @param flip a bit of the gradient's sum to turn over first, which stands for a chip that errs; negative for none
    Leaf computeApart(long step, int leaf, boolean check, long flip) {
        begin(step);
        if (aside == null) {
            aside = new GradientSums(slots[0].trained());
        }
        aside.begin(plan(step).leaves());
        List<long[]> before = check ? counts(step).stream().map(each -> each.data().toArray(JAVA_LONG)).toList() : List.of();
        passes(step).pass(step, leaf, 1, aside, check ? new LossSums(slot(step - 1).made.training().terms(), plan(step).leaves()) : losses);
        spent.on(check ? Spent.Part.CHECKS : Spent.Part.LEAVES);
        if (flip >= 0) {
            Tensor first = aside.sum(slots[0].trained().getFirst().name());
            long at = flip / 64 % first.shape().size();
            first.data().setAtIndex(JAVA_LONG, at, first.data().getAtIndex(JAVA_LONG, at) ^ 1L << flip % 64);
        }
        long high = 0, low = 0;
        Scratch scratch = Compute.current().scratch();
        Scratch.Mark mark = scratch.mark();
        for (Parameter parameter : slots[0].trained()) {
            Tensor hashes = Compute.one(new Digest(0), aside.sum(parameter.name()));
            high = high * 31 + hashes.data().getAtIndex(JAVA_LONG, 0);
            low = low * 31 + hashes.data().getAtIndex(JAVA_LONG, 1);
        }
        scratch.reset(mark);
        if (check) {
            for (int i = 0; i < before.size(); i++) {
                counts(step).get(i).data().copyFrom(java.lang.foreign.MemorySegment.ofArray(before.get(i)));
            }
        } else {
            adds(leaf);
            sums.addAll(aside);
        }
        spent.on(Spent.Part.CHECKS);
        return new Leaf(leaf, check, high, low);
    }

    private void begin(long step) {
        if (working == step) {
            return;
        }
        working = step;
        added.clear();
        sums.begin(plan(step).leaves());
        losses = new LossSums(slot(step - 1).made.training().terms(), plan(step).leaves());
        slot(step - 1).made.training().begin(step);
    }

    /// A leaf that was added twice would be a wrong gradient that nobody could see.
    private void adds(int leaf) {
        check(added.add(leaf), "leaf %d of step %d is in the sums already", leaf, working);
    }

    private LeafPasses passes(long step) {
        return new LeafPasses(slot(step - 1).made.training(), plans::at, data.training());
    }

    private List<Tensor> counts(long step) {
        return slot(step - 1).made.training().counts();
    }

    /// Means of the gradients of what `self` owns, from the sums of all who hold leaves; gives the counts of this rank, which are to be summed over all.
    List<Long> reduce(long step, long self, Placement placement, Map<Long, List<Integer>> leaves, Peers peers) {
        List<Integer> own = List.copyOf(working == step ? added : List.of());
        check(own.equals(leaves.get(self)), "the leaves %s of step %d are in the sums, wanted %s", own, step, leaves.get(self));
        var norm = new SquaredNorm();
        List<Long> contributors = leaves.entrySet().stream().filter(each -> !each.getValue().isEmpty()).map(Map.Entry::getKey).toList();
        Scratch scratch = Compute.current().scratch();
        for (Parameter parameter : slots[0].trained()) {
            if (placement.isOwner(self, parameter.name())) {
                Scratch.Mark before = scratch.mark();
                Tensor sum = sums.sum(parameter.name());
                Tensor[] parts = contributors.stream().map(id -> id == self ? sum : peers.view(id, sum)).toArray(Tensor[]::new);
                means.add(norm, parameter, plan(step).leaves(), parts);
                scratch.reset(before);
            }
        }
        spent.on(Spent.Part.MEANS);
        boolean contributes = contributors.contains(self);
        var told = new ArrayList<Long>();
        told.add(contributes ? sums.overflows() : 0);
        add(told, norm.counts());
        add(told, contributes ? losses.counts() : new long[LossSums.size(slot(step - 1).made.training().terms())]);
        for (Tensor count : counts(step)) {
            add(told, contributes ? count.data().toArray(JAVA_LONG) : new long[(int) count.shape().size()]);
        }
        return told;
    }

    private static void add(List<Long> told, long[] counts) {
        for (long count : counts) {
            told.add(count);
        }
    }

    /// What the summed counts of a step say.
    static Verdict verdict(List<String> terms, int leaves, List<Long> totals) {
        long[] counts = totals.stream().mapToLong(Long::longValue).toArray();
        check(counts.length >= 1 + SquaredNorm.COUNTS, "%d counts of a step, wanted more", counts.length);
        return new Verdict(LossSums.of(terms, leaves, counts, 1 + SquaredNorm.COUNTS), counts[0] > 0 ? Double.NaN : SquaredNorm.of(counts, 1).root());
    }

    Verdict verdict(long step, List<Long> totals) {
        return verdict(slot(step - 1).made.training().terms(), plan(step).leaves(), totals);
    }

    /// Makes the new values of what `self` owns in the slot of `step`.
    void update(long step, long self, Placement placement, Verdict verdict) {
        Slot now = slot(step - 1), next = slot(step);
        float scale = verdict.scale(config.optim().clipNorm());
        for (Parameter parameter : now.trained()) {
            if (placement.isOwner(self, parameter.name())) {
                next.takeValue(now, parameter.name());
                next.takeState(now, parameter.name());
                spent.on(Spent.Part.MIRRORS);
                next.optimizer(parameter.name()).step(step, schedule.rate(step), means::of, scale);
                spent.on(Spent.Part.UPDATE);
            }
        }
    }

    /// Takes the new values of what others own, and the state that is mirrored here; then everything of `step` is here.
    ///
    /// @return names and digests that all ranks who tell them must tell alike
    SortedMap<String, String> take(long step, long self, Placement placement, Verdict verdict, List<Long> totals, Peers peers) {
        Slot now = slot(step - 1), next = slot(step);
        for (Parameter parameter : now.trained()) {
            String name = parameter.name();
            if (!placement.isOwner(self, name)) {
                peers.read(placement.owner(name), next.value(name));
                spent.on(Spent.Part.WEIGHTS);
                if (placement.isHolder(self, name)) {
                    next.state(name).forEach(state -> peers.read(placement.owner(name), state));
                    spent.on(Spent.Part.MIRRORS);
                }
            }
        }
        next.untrained().forEach(parameter -> next.takeValue(now, parameter.name()));
        int at = 1 + SquaredNorm.COUNTS + LossSums.size(now.made.training().terms());
        for (Tensor count : next.made.training().counts()) {
            for (long i = 0; i < count.shape().size(); i++) {
                count.data().setAtIndex(JAVA_LONG, i, totals.get(at++));
            }
        }
        next.made.training().updated();
        StepResult result = verdict.result(step, schedule.rate(step), plan(step).tokens(), next.made.training().routers());
        var told = new TreeMap<String, String>();
        changed();
        spent.on(Spent.Part.ORDERS);
        told.put(Told.WEIGHTS, DigestChain.digest(digests(step)));
        spent.on(Spent.Part.DIGEST);
        told.put(Told.RESULT, result.json());
        for (long owner : placement.members()) {
            List<String> held = now.trained().stream().map(Parameter::name).filter(name -> placement.isOwner(owner, name) && placement.isHolder(self, name)).toList();
            if (!held.isEmpty()) {
                told.put("state at %016x".formatted(owner), stateDigest(next, held));
            }
        }
        spent.on(Spent.Part.MIRRORS);
        return told;
    }

    private static String stateDigest(Slot slot, Collection<String> parameters) {
        var tensors = new TreeMap<String, Tensor>();
        parameters.forEach(name -> tensors.putAll(slot.optimizer(name).state()));
        return DigestChain.digest(ModelState.digests(tensors)).substring(0, 32);
    }

    /// The fingerprint of every weight of a step that is here.
    Map<String, TensorDigest> digests(long step) {
        if (digestsOf != step) {
            digests = ModelState.digests(slot(step).made.weights());
            digestsOf = step;
        }
        return digests;
    }

    /// Says that the slot of a step was written to.
    void changed() {
        digestsOf = -1;
    }

    /// New weights of the seed, and optimizer state of zeros for the parameters that `holds` names: the state before the first step.
    void startAnew(Predicate<String> holds) {
        changed();
        try (var arena = java.lang.foreign.Arena.ofShared()) {
            var fresh = new Slot(config, family, ModelFamily.start(config), arena);
            fresh.parameters().forEach(parameter -> slots[0].takeValue(fresh, parameter.name()));
        }
        slots[0].trained().stream().map(Parameter::name).filter(holds).forEach(name -> slots[0].state(name).forEach(state -> state.data().fill((byte) 0)));
    }

    @Override public void close() {
        means.close();
        if (aside != null) {
            aside.close();
        }
    }
}
