package dev.xiaolu.rank;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.nn.Filler;
import dev.xiaolu.nn.LanguageModel;
import dev.xiaolu.nn.RoutedExperts;
import dev.xiaolu.optim.Optimizer;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.train.ModelFamily;
import dev.xiaolu.train.Optimizers;
import dev.xiaolu.train.RunConfig;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/// Room for the state of one step: a model, and the optimizer state of every shard, of which a rank fills only what it holds.
///
/// Lives in an arena whose memory other ranks can read; what is never written takes none of it.
final class Slot {
    final ModelFamily.Made made;
    final Shards shards;

    private final Map<String, Optimizer> optimizers = new LinkedHashMap<>();     // by shard
    private final List<Parameter> trained = new ArrayList<>();
    private final Map<String, String> published = new LinkedHashMap<>();         // name of a weight → the shard that it is a part of, null for tables

    /// A slot whose model starts as `filler` says.
    Slot(RunConfig config, ModelFamily family, Filler filler, Arena arena) {
        made = family.drawn(arena, filler);
        LanguageModel model = made.training().model();
        shards = new Shards(model, config.launch().expertRanks());
        Set<String> changed = new HashSet<>();
        made.training().trained().forEach(parameter -> changed.add(parameter.name()));
        for (Shards.Shard shard : shards.all()) {
            if (changed.contains(shard.whole().name())) {
                trained.add(shard.parameter());
                optimizers.put(shard.name(), Optimizers.of(config.optim(), model, name -> shards.named(name).whole().name(), List.of(shard.parameter()), arena));
            }
        }
        made.weights().forEach((name, tensor) -> {
            Shards.Shard shard = shards.holding(tensor);
            published.put(name, shard == null ? null : shard.name());
        });
    }

    Tensor value(String shard) {
        return shards.named(shard).value();
    }

    /// The shards that an optimizer changes, each as a parameter of its own, in the order of the model.
    List<Parameter> trained() {
        return trained;
    }

    /// Names of those that a step changes in other ways, or not at all.
    List<String> untrained() {
        var left = new ArrayList<String>();
        shards.all().forEach(shard -> {
            if (!optimizers.containsKey(shard.name())) {
                left.add(shard.name());
            }
        });
        return left;
    }

    /// The shard that a published weight is, or is a part of; null for a table, which every rank has.
    String shardOf(String weight) {
        return published.get(weight);
    }

    /// What updates one shard alone.
    Optimizer optimizer(String shard) {
        return optimizers.get(shard);
    }

    /// The optimizer state of one shard.
    List<Tensor> state(String shard) {
        return new ArrayList<>(optimizers.get(shard).state().values());
    }

    /// The optimizer state of one shard under the names that a checkpoint has for it, experts one by one.
    Map<String, Tensor> savedState(String shard) {
        var named = new LinkedHashMap<String, Tensor>();
        Shards.Shard of = shards.named(shard);
        long experts = of.isPart() ? of.first() / of.ofOne() : 0;
        optimizers.get(shard).state().forEach((name, tensor) -> RoutedExperts.oneByOne(name.substring(0, name.length() - shard.length()) + of.whole().name(), tensor, experts, named::put));
        return named;
    }

    /// A tensor of a checkpoint that belongs to the optimizer state of a shard.
    record State(String shard, Tensor tensor) {}

    /// The optimizer state of all parameters by the names of a checkpoint, in its order: moments of AdamW first.
    Map<String, State> states() {
        var sorted = new TreeMap<Boolean, Map<String, State>>();
        for (String shard : optimizers.keySet()) {
            savedState(shard).forEach((name, tensor) -> sorted.computeIfAbsent(!name.startsWith("adamw."), _ -> new LinkedHashMap<>()).put(name, new State(shard, tensor)));
        }
        var states = new LinkedHashMap<String, State>();
        sorted.values().forEach(states::putAll);
        return states;
    }

    /// Tensors of a checkpoint, by their names there and in the order of the whole.
    record Part(Map<String, Tensor> weights, Map<String, Tensor> optimizer) {}

    /// What a member writes into a checkpoint: the weights that it updates and their optimizer state; the first one also what no optimizer changes.
    Part part(Placement placement, long id) {
        long first = placement.members().getFirst();
        var weights = new LinkedHashMap<String, Tensor>();
        made.weights().forEach((name, tensor) -> {
            String shard = shardOf(name);
            if (id == (optimizers.containsKey(shard) ? placement.owner(shard) : first)) {
                weights.put(name, tensor);
            }
        });
        var optimizer = new LinkedHashMap<String, Tensor>();
        states().forEach((name, state) -> {
            if (placement.isOwner(id, state.shard)) {
                optimizer.put(name, state.tensor);
            }
        });
        return new Part(weights, optimizer);
    }

    /// Takes over the value of one shard.
    void takeValue(Slot from, String shard) {
        copy(from.value(shard), value(shard));
    }

    /// Takes over the optimizer state of one shard.
    void takeState(Slot from, String shard) {
        List<Tensor> theirs = from.state(shard), own = state(shard);
        for (int i = 0; i < own.size(); i++) {
            copy(theirs.get(i), own.get(i));
        }
    }

    private static void copy(Tensor from, Tensor to) {
        to.data().copyFrom(from.data());
    }
}
