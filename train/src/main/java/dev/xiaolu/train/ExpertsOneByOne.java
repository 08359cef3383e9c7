package dev.xiaolu.train;

import dev.xiaolu.nn.RoutedExperts;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.store.TensorSource;
import dev.xiaolu.tensor.Tensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/// The optimizer's tensors of a checkpoint with the experts of a layer one by one, as weights are published, so that each can be written by whoever updates it. Checkpoints that were written before have the experts of a layer as one tensor.
public final class ExpertsOneByOne implements TensorSource {
    private final TensorSource source;
    private final Map<String, Place> places = new LinkedHashMap<>();

    /// @param name   of the tensor there
    /// @param expert which of its first axis; -1 where it is the whole tensor
    private record Place(String name, long expert) {}

    private ExpertsOneByOne(TensorSource source) {
        this.source = source;
        for (String name : source.names()) {
            if (name.matches(".*[.]experts[.]\\D.*")) {
                var expert = new long[1];
                RoutedExperts.oneByOne(name, source.tensor(name), (one, _) -> places.put(one, new Place(name, expert[0]++)));
            } else {
                places.put(name, new Place(name, -1));
            }
        }
    }

    /// The same tensors, which are closed with these.
    public static TensorSource of(TensorSource source) {
        return new ExpertsOneByOne(source);
    }

    /// Tensors by name, such as an optimizer's, with the experts of a layer one by one: views of the same memory.
    public static Map<String, Tensor> of(Map<String, Tensor> stacked) {
        var all = new LinkedHashMap<String, Tensor>();
        stacked.forEach((name, tensor) -> RoutedExperts.oneByOne(name, tensor, all::put));
        return all;
    }

    @Override public Set<String> names() {
        return places.keySet();
    }

    @Override public TensorType type(String name) {
        Place place = places.get(name);
        if (place == null || place.expert < 0) {
            return source.type(name);                            // which refuses what it does not have
        }
        TensorType whole = source.type(place.name);
        return new TensorType(whole.dtype(), whole.shape().part(1, whole.shape().rank()));
    }

    @Override public Tensor tensor(String name) {
        Place place = places.get(name);
        return place == null || place.expert < 0 ? source.tensor(name) : source.tensor(place.name).at(place.expert);
    }

    @Override public Path file(String name) {
        Place place = places.get(name);
        return source.file(place == null ? name : place.name);
    }

    @Override public void close() {
        source.close();
    }
}
