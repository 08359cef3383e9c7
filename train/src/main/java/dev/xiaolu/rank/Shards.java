package dev.xiaolu.rank;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.nn.ExpertLayer;
import dev.xiaolu.nn.LanguageModel;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// How the parameters of a model are divided among ranks: most are whole; where experts are spread, each layer's are cut into equal parts, runs of neighbours.
///
/// A function of the config alone, so that a part means the same at every rank and in every layout. Optimizers treat experts one by one and elements one by one, so a cut between experts changes no bit of an update.
final class Shards {
    private final int parts;
    private final List<ExpertLayer> layers;
    private final Map<String, Integer> layerOf = new HashMap<>();          // name of a stack of experts → place of its layer
    private final Map<String, Shard> byName = new LinkedHashMap<>();
    private final Map<String, List<Shard>> byWhole = new LinkedHashMap<>();

    /// What one rank owns or not.
    ///
    /// @param name   of the shard: that of the parameter, and behind it `#` and the number of the part where there are several
    /// @param whole  the parameter that it is of
    /// @param bundle shards of one bundle are always at one rank
    /// @param part   number of the part, -1 where it is all of the parameter
    /// @param first  index of its first element in the parameter
    /// @param value  its elements in this model, contiguous
    record Shard(String name, Parameter whole, String bundle, int part, long first, Tensor value) {
        /// The shard as something to train by itself.
        Parameter parameter() {
            return new Parameter(name, value);
        }

        boolean isPart() {
            return part >= 0;
        }

        /// Elements of one expert, where it is of a stack of them.
        long ofOne() {
            return Shards.ofOne(whole);
        }
    }

    /// Of `model`, whose experts are cut into `parts`; 1 leaves them whole.
    Shards(LanguageModel model, int parts) {
        this.parts = parts;
        layers = model.expertLayers();
        if (parts > 1) {
            for (int layer = 0; layer < layers.size(); layer++) {
                int place = layer;
                layers.get(layer).stacks().forEach(stack -> layerOf.put(stack.name(), place));
            }
        }
        model.parameters().all().forEach(this::cut);
    }

    private void cut(Parameter whole) {
        var shards = new ArrayList<Shard>();
        Integer layer = layerOf.get(whole.name());
        if (layer == null) {
            shards.add(new Shard(whole.name(), whole, whole.name(), -1, 0, whole.value()));
        } else {
            for (int part = 0; part < parts; part++) {
                int from = firstExpert(whole, part);
                shards.add(new Shard(whole.name() + "#" + part, whole, bundle(layer, part), part, from * ofOne(whole), run(whole, from, firstExpert(whole, part + 1))));
            }
        }
        shards.forEach(shard -> byName.put(shard.name, shard));
        byWhole.put(whole.name(), shards);
    }

    /// Some neighbouring experts of a stack: exactly their memory, so that it can be read from elsewhere.
    static Tensor run(Parameter stack, long from, long to) {
        Shape shape = stack.shape().with(0, to - from);
        long bytes = Float.BYTES * ofOne(stack);
        return Tensor.of(TensorType.f32(shape), stack.value().data().asSlice(from * bytes, (to - from) * bytes));
    }

    private static long ofOne(Parameter stack) {
        return stack.shape().size() / stack.shape().axis(0);
    }

    /// The first expert of a part, which is as good as one more than the last of the part before.
    int firstExpert(Parameter stack, int part) {
        return (int) (stack.shape().axis(0) * part / parts);
    }

    /// Into how many parts the experts of a layer are cut; 1 where they are whole.
    int parts() {
        return parts;
    }

    List<ExpertLayer> layers() {
        return layers;
    }

    /// What the shards of one part of a layer's experts have in common.
    String bundle(int layer, int part) {
        return layers.get(layer).layer() + "#" + part;
    }

    /// All shards, in the order of the model.
    Iterable<Shard> all() {
        return byName.values();
    }

    Shard named(String name) {
        return byName.get(name);
    }

    /// The shards of a parameter, in order.
    List<Shard> of(String whole) {
        return byWhole.get(whole);
    }

    /// The shards of one part of a layer's experts, in the order of its stacks.
    List<Shard> of(int layer, int part) {
        return layers.get(layer).stacks().stream().map(stack -> byWhole.get(stack.name()).get(part)).toList();
    }

    /// The shard in whose memory a published tensor lies; null for a table.
    Shard holding(Tensor published) {
        long address = published.data().address();
        for (Shard shard : byName.values()) {
            long from = shard.value.data().address();
            if (address >= from && address < from + shard.value.data().byteSize()) {
                return shard;
            }
        }
        return null;
    }
}
