package dev.xiaolu.rank;

import static dev.xiaolu.platform.Check.check;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.comm.Region;
import dev.xiaolu.nn.Filler;
import dev.xiaolu.op.Digest;
import dev.xiaolu.op.FixedMean;
import dev.xiaolu.op.Numerics;
import dev.xiaolu.optim.GradientMeans;
import dev.xiaolu.optim.GradientSums;
import dev.xiaolu.optim.Schedule;
import dev.xiaolu.optim.SquaredNorm;
import dev.xiaolu.platform.Pages;
import dev.xiaolu.recover.Leaf;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
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
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import tools.jackson.databind.json.JsonMapper;

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
    private final Filler start;
    private final Map<String, Filler.Initial> initials = new HashMap<>();
    private final GradientSums sums;
    private Predicate<String> summed = name -> !shards().named(name).isPart();           // the shards whose gradients are summed here
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
        start = ModelFamily.start(config);
        Filler first = config.launch().expertRanks() > 1 ? tablesOf(start) : start;              // experts that will be elsewhere take no memory here
        slots[0] = new Slot(config, family, (name, value, initial) -> {
            initials.put(name, initial);
            first.fill(name, value, initial);
        }, region.arena());
        slots[1] = new Slot(config, family, tablesOf(start), region.arena());
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

    /// How the parameters are divided, with the memory of step 0.
    Shards shards() {
        return slots[0].shards;
    }

    StepPlan plan(long step) {
        return plans.at(step);
    }

    Placement placement(List<Long> members, int copies) {
        return Placement.of(members, copies, slots[0].made.training().model(), slots[0]);
    }

    /// What gradients of `step` are added to here.
    GradientSums sums(long step) {
        check(working == step, "the sums of step %d are wanted, here are those of step %d", step, working);
        return sums;
    }

    /// Forgets what was computed of a step under way.
    void drop() {
        working = -1;
    }

    /// Begins a step in whose sums others have a part, before they add to it.
    void begin(long step, long self, Placement placement) {
        summed = shard -> placement.sums(self, shard);
        working = -1;
        begin(step);
    }

    /// Gives back the memory of what is not here by a placement that holds: nobody reads it any more.
    void release(long self, Placement placement) {
        for (Parameter parameter : slots[0].trained()) {
            String name = parameter.name();
            if (!placement.sums(self, name)) {
                Pages.giveBack(sums.sum(name).data());
            }
            for (Slot slot : slots) {
                if (!placement.hasWeights(self, name)) {
                    Pages.giveBack(slot.value(name).data());
                }
                if (!placement.isHolder(self, name)) {
                    slot.state(name).forEach(state -> Pages.giveBack(state.data()));
                }
            }
        }
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
    /// @param flip    a bit of the gradient's sum to turn over first, which stands for a chip that errs; negative for none
    /// @param experts digests of the gradients of experts that are spread, by parameter, filled while the leaf is computed
    Leaf computeApart(long step, int leaf, boolean check, long flip, Map<String, long[]> experts) {
        begin(step);
        if (aside == null) {
            aside = new GradientSums(slots[0].trained().stream().filter(each -> !shards().named(each.name()).isPart()).toList());
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
        for (Parameter parameter : slots[0].made.training().trained()) {
            Tensor sum = aside.sum(parameter.name());
            long[] found = sum == null ? experts.getOrDefault(parameter.name(), new long[2]) : Compute.one(new Digest(0), sum).data().toArray(JAVA_LONG);
            high = high * 31 + found[0];
            low = low * 31 + found[1];
        }
        scratch.reset(mark);
        if (check) {
            for (int i = 0; i < before.size(); i++) {
                counts(step).get(i).data().copyFrom(MemorySegment.ofArray(before.get(i)));
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
        sums.begin(plan(step).leaves(), summed);
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
                Shards.Shard shard = shards().named(parameter.name());
                Tensor[] parts = views(shard.isPart() ? placement.servers(shard.part()) : contributors, sums.sum(parameter.name()), peers);
                Tensor mean = means.mean(parameter, plan(step).leaves(), parts);
                square(norm, shard, mean, plan(step).leaves(), placement, peers);
                scratch.reset(before);
            }
        }
        spent.on(Spent.Part.MEANS);
        boolean contributes = contributors.contains(self);
        var told = new ArrayList<Long>();
        told.add(contributes || placement.isSpread() ? sums.overflows() : 0);
        add(told, norm.counts());
        add(told, contributes ? losses.counts() : new long[LossSums.size(slot(step - 1).made.training().terms())]);
        for (Tensor count : counts(step)) {
            add(told, contributes ? count.data().toArray(JAVA_LONG) : new long[(int) count.shape().size()]);
        }
        return told;
    }

    /// Where a gradient that was added here has no exact sum, as it is noted; empty where all have one.
    Optional<String> outside(long step) {
        return !sums.overflowed() ? Optional.empty()
                : Optional.of(JsonMapper.shared().writeValueAsString(JsonMapper.shared().createObjectNode().put("step", step).put("where", Verdict.where(sums.outside()))));
    }

    private static Tensor[] views(Collection<Long> ids, Tensor tensor, Peers peers) {
        return ids.stream().map(id -> peers.view(id, tensor)).toArray(Tensor[]::new);
    }

    /// Adds the squares of a mean to `norm`. Of a part of a parameter those of the blocks that begin in it: without what belongs to a block that began before, and with what its last block has of the parts behind.
    private void square(SquaredNorm norm, Shards.Shard shard, Tensor mean, int leaves, Placement placement, Peers peers) {
        if (!shard.isPart()) {
            GradientMeans.square(norm, mean);
            return;
        }
        long end = shard.first() + mean.shape().size(), from = blockFrom(shard.first()), to = Math.min(blockFrom(end), shard.whole().shape().size());
        if (from >= to) {
            return;
        }
        if (to <= end) {
            GradientMeans.square(norm, mean.reshape(mean.shape().size()).slice(0, from - shard.first(), to - shard.first()));
            return;
        }
        Tensor blocks = Compute.current().scratch().allocate(TensorType.f32(Shape.of(to - from)));
        MemorySegment.copy(mean.data(), Float.BYTES * (from - shard.first()), blocks.data(), 0, Float.BYTES * (end - from));
        for (Shards.Shard next : shards().of(shard.whole().name())) {
            long first = Math.max(next.first(), end), last = Math.min(next.first() + next.value().shape().size(), to);
            if (first < last) {
                MemorySegment sum = sums.sum(next.name()).data().asSlice(Long.BYTES * (first - next.first()), Long.BYTES * (last - first));
                Tensor[] parts = views(placement.servers(next.part()), Tensor.of(new TensorType(DType.I64, Shape.of(last - first)), sum), peers);
                Compute.into(new FixedMean(leaves), parts, blocks.slice(0, first - from, last - from));
            }
        }
        GradientMeans.square(norm, blocks);
    }

    /// The place of the first block that begins there or behind.
    private static long blockFrom(long element) {
        return (element + Numerics.BLOCK - 1) / Numerics.BLOCK * Numerics.BLOCK;
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

    /// Fingerprints of the weights that `self` owns and not every rank has, for those who have not.
    Map<String, TensorDigest> ownExperts(long step, long self, Placement placement) {
        var own = new LinkedHashMap<String, Tensor>();
        slot(step).made.weights().forEach((name, tensor) -> {
            String shard = slot(step).shardOf(name);
            if (shard != null && slot(step).shards.named(shard).isPart() && placement.isOwner(self, shard)) {
                own.put(name, tensor);
            }
        });
        return ModelState.digests(own);
    }

    /// Takes the new values of what others own and is to be here, and the state that is mirrored here; then everything of `step` is here.
    ///
    /// @param elsewhere fingerprints of weights that are not here
    /// @return names and digests that all ranks who tell them must tell alike
    SortedMap<String, String> take(long step, long self, Placement placement, Verdict verdict, List<Long> totals, Map<String, TensorDigest> elsewhere, Peers peers) {
        Slot now = slot(step - 1), next = slot(step);
        for (Parameter parameter : now.trained()) {
            String name = parameter.name();
            if (!placement.isOwner(self, name) && placement.hasWeights(self, name)) {
                peers.read(placement.owner(name), next.value(name));
                spent.on(Spent.Part.WEIGHTS);
                if (placement.isHolder(self, name)) {
                    next.state(name).forEach(state -> peers.read(placement.owner(name), state));
                    spent.on(Spent.Part.MIRRORS);
                }
            }
        }
        next.untrained().forEach(name -> next.takeValue(now, name));
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
        told.put(Told.WEIGHTS, DigestChain.digest(digests(step, name -> placement.hasWeights(self, name), elsewhere)));
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

    /// The fingerprint of every weight of a step: of those shards that are here worked out, of others as told.
    ///
    /// @param elsewhere by name of the weight; more than is needed does no harm
    Map<String, TensorDigest> digests(long step, Predicate<String> here, Map<String, TensorDigest> elsewhere) {
        if (digestsOf != step) {
            var held = new LinkedHashMap<String, Tensor>();
            var all = new LinkedHashMap<String, TensorDigest>();
            slot(step).made.weights().forEach((name, tensor) -> {
                String shard = slot(step).shardOf(name);
                if (shard == null || here.test(shard)) {
                    held.put(name, tensor);
                } else {
                    TensorDigest told = elsewhere.get(name);
                    check(told != null, "nobody has told the digest of %s of step %d", name, step);
                    all.put(name, told);
                }
            });
            all.putAll(ModelState.digests(held));
            digests = all;
            digestsOf = step;
        }
        return digests;
    }

    /// The same where every weight is here, or where it was worked out before.
    Map<String, TensorDigest> digests(long step) {
        return digests(step, _ -> true, Map.of());
    }

    /// Whether the fingerprints of a step are known without working them out.
    boolean hasDigests(long step) {
        return digestsOf == step;
    }

    /// Says that the slot of a step was written to.
    void changed() {
        digestsOf = -1;
    }

    /// New weights of the seed for the shards that are `here`, and optimizer state of zeros for those that `holds` names: the state before the first step.
    void startAnew(Predicate<String> here, Predicate<String> holds) {
        changed();
        Scratch scratch = Compute.current().scratch();
        for (Parameter parameter : slots[0].made.training().model().parameters().all()) {
            List<Shards.Shard> shards = shards().of(parameter.name());
            if (!shards.getFirst().isPart()) {
                start.fill(parameter.name(), parameter.value(), initials.get(parameter.name()));
            } else if (shards.stream().anyMatch(shard -> here.test(shard.name()))) {
                Scratch.Mark before = scratch.mark();
                Tensor whole = scratch.allocate(parameter.value().type());
                start.fill(parameter.name(), whole, initials.get(parameter.name()));
                shards.stream().filter(shard -> here.test(shard.name())).forEach(shard ->
                        shard.value().data().copyFrom(whole.data().asSlice(Float.BYTES * shard.first(), shard.value().data().byteSize())));
                scratch.reset(before);
            }
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
