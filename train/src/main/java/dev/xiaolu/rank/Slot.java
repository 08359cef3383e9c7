package dev.xiaolu.rank;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.nn.Filler;
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
import java.util.TreeMap;

/// Room for the state of one step: a model, and the optimizer state of every parameter, of which a rank fills only what it holds.
///
/// Lives in an arena whose memory other ranks can read; what is never written takes none of it.
final class Slot {
    final ModelFamily.Made made;

    private final Map<String, Parameter> all = new LinkedHashMap<>();
    private final Map<String, Optimizer> optimizers = new LinkedHashMap<>();

    /// A slot whose model starts as `filler` says.
    Slot(RunConfig config, ModelFamily family, Filler filler, Arena arena) {
        made = family.drawn(arena, filler);
        made.training().model().parameters().all().forEach(parameter -> all.put(parameter.name(), parameter));
        for (Parameter parameter : made.training().trained()) {
            optimizers.put(parameter.name(), Optimizers.of(config.optim(), made.training().model(), List.of(parameter), arena));
        }
    }

    /// Every parameter, in the order of the model.
    Iterable<Parameter> parameters() {
        return all.values();
    }

    Tensor value(String parameter) {
        return all.get(parameter).value();
    }

    /// The parameters that an optimizer changes.
    List<Parameter> trained() {
        return made.training().trained();
    }

    /// Those that a step changes in other ways, or not at all.
    List<Parameter> untrained() {
        return all.values().stream().filter(parameter -> !optimizers.containsKey(parameter.name())).toList();
    }

    /// What updates one parameter alone.
    Optimizer optimizer(String parameter) {
        return optimizers.get(parameter);
    }

    /// The optimizer state of one parameter.
    List<Tensor> state(String parameter) {
        return new ArrayList<>(optimizers.get(parameter).state().values());
    }

    /// The optimizer state of all parameters by name, in the order of a checkpoint: moments of AdamW first.
    Map<String, Tensor> states() {
        var sorted = new TreeMap<Boolean, Map<String, Tensor>>();
        optimizers.values().forEach(optimizer -> optimizer.state().forEach((name, tensor) -> sorted.computeIfAbsent(!name.startsWith("adamw."), _ -> new LinkedHashMap<>()).put(name, tensor)));
        var states = new LinkedHashMap<String, Tensor>();
        sorted.values().forEach(states::putAll);
        return states;
    }

    /// Tensors of a checkpoint, by their names there and in the order of the whole.
    record Part(Map<String, Tensor> weights, Map<String, Tensor> optimizer) {}

    /// What a member writes into a checkpoint: the weights that it updates and their optimizer state; the first one also what no optimizer changes.
    Part part(Placement placement, long id) {
        long first = placement.members().getFirst();
        var byAddress = new TreeMap<Long, Parameter>();
        trained().forEach(parameter -> byAddress.put(parameter.value().data().address(), parameter));
        var weights = new LinkedHashMap<String, Tensor>();
        made.weights().forEach((name, tensor) -> {
            Parameter of = holder(byAddress, tensor);
            if (id == (of == null ? first : placement.owner(of.name()))) {
                weights.put(name, tensor);
            }
        });
        var own = new HashSet<Tensor>();
        trained().stream().map(Parameter::name).filter(name -> placement.isOwner(id, name)).forEach(name -> own.addAll(state(name)));
        var optimizer = new LinkedHashMap<String, Tensor>();
        states().forEach((name, tensor) -> {
            if (own.contains(tensor)) {
                optimizer.put(name, tensor);
            }
        });
        return new Part(weights, optimizer);
    }

    /// The trained parameter of which a tensor is a view; null where there is none.
    private static Parameter holder(TreeMap<Long, Parameter> byAddress, Tensor tensor) {
        long at = tensor.data().address();
        var below = byAddress.floorEntry(at);
        return below != null && at < below.getKey() + below.getValue().value().data().byteSize() ? below.getValue() : null;
    }

    /// Takes over the value of one parameter.
    void takeValue(Slot from, String parameter) {
        copy(from.value(parameter), value(parameter));
    }

    /// Takes over the optimizer state of one parameter.
    void takeState(Slot from, String parameter) {
        List<Tensor> theirs = from.state(parameter), own = state(parameter);
        for (int i = 0; i < own.size(); i++) {
            copy(theirs.get(i), own.get(i));
        }
    }

    private static void copy(Tensor from, Tensor to) {
        to.data().copyFrom(from.data());
    }
}
