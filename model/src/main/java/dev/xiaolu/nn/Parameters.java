package dev.xiaolu.nn;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The parameters of one model, in the order in which its modules were built, under their published names.
///
/// Owns no memory: the arena given at the start does. Filled while the model is built, by one thread; read-only afterwards.
public final class Parameters {
    private final Arena arena;
    private final Filler filler;
    private final Map<String, Parameter> byName = new LinkedHashMap<>();
    private final Map<String, Tensor> tables = new LinkedHashMap<>();
    private long elsewhere;

    /// An empty set whose tensors will be allocated in `arena` and filled by `filler`.
    public Parameters(Arena arena, Filler filler) {
        this.arena = arena;
        this.filler = filler;
    }

    /// Adds a parameter and gives its tensor.
    Tensor add(String name, Shape shape, Filler.Initial initial) {
        Tensor value = Tensor.zeros(arena, DType.F32, shape);
        filler.fill(name, value, initial);
        check(byName.put(name, new Parameter(name, value)) == null, "parameter %s is defined twice", name);
        return value;
    }

    /// A weight of this name: a parameter, unless the filler keeps it elsewhere.
    private Weight weight(String name, Shape shape, Filler.Initial initial) {
        Optional<Weight> stored = filler.stored(name, shape);
        elsewhere += stored.isPresent() ? shape.size() : 0;
        return stored.orElseGet(() -> Weight.held(add(name, shape, initial)));
    }

    /// Adds a table, which belongs to the model and is no parameter, and gives its tensor.
    Tensor addTable(String name, int ids, Shape shape) {
        Tensor value = Tensor.zeros(arena, DType.I32, shape);
        filler.fill(name, value, new Filler.Table(ids));
        check(tables.put(name, value) == null, "table %s is defined twice", name);
        return value;
    }

    /// The tables by name, I32, in order.
    public Map<String, Tensor> tables() {
        return Collections.unmodifiableMap(tables);
    }

    /// Where modules below `prefix` put their parameters, for example `model.layers.0`.
    public Scope scope(String prefix) {
        return new Scope(this, prefix);
    }

    /// All parameters, in order.
    public Collection<Parameter> all() {
        return byName.values();
    }

    /// All names, in order.
    public Set<String> names() {
        return byName.keySet();
    }

    /// The parameter of this name; throws [IllegalArgumentException] where there is none.
    public Parameter named(String name) {
        Parameter parameter = byName.get(name);
        check(parameter != null, "no parameter named %s", name);
        return parameter;
    }

    /// Number of elements of all parameters, and of the weights that stay elsewhere.
    public long count() {
        return elsewhere + byName.values().stream().mapToLong(parameter -> parameter.shape().size()).sum();
    }

    /// A prefix of names.
    public record Scope(Parameters parameters, String prefix) {
        /// The scope below this one.
        public Scope at(String name) {
            return new Scope(parameters, prefix.isEmpty() ? name : prefix + "." + name);
        }

        /// Adds a parameter called `weight` of normal draws and gives its tensor.
        public Tensor weight(float std, long... shape) {
            return parameters.add(at("weight").prefix, Shape.of(shape), new Filler.Normal(std));
        }

        /// The same as something to multiply by. Where the filler keeps it elsewhere it is no parameter: nothing trains it.
        public Weight matrix(float std, long... shape) {
            return parameters.weight(at("weight").prefix, Shape.of(shape), new Filler.Normal(std));
        }

        /// Adds a parameter called `name` and gives its tensor.
        public Tensor parameter(String name, Filler.Initial initial, long... shape) {
            return parameters.add(at(name).prefix, Shape.of(shape), initial);
        }

        /// Adds a table called `name` whose rows hold distinct numbers below `ids`, and gives its tensor, I32.
        public Tensor table(String name, int ids, long... shape) {
            return parameters.addTable(at(name).prefix, ids, Shape.of(shape));
        }

        /// Adds a parameter called `weight` of ones, the gain of a norm, and gives its tensor.
        public Tensor gain(long size) {
            return parameters.add(at("weight").prefix, Shape.of(size), new Filler.Constant(1));
        }
    }
}
