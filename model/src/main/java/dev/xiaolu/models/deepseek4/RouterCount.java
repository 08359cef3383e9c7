package dev.xiaolu.models.deepseek4;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.xiaolu.nn.RouterLoad;
import dev.xiaolu.op.ExpertLoad;
import dev.xiaolu.op.RouterBiasStep;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.stream.LongStream;

/// Counts how often the router of one layer chose each expert in a step, in whole numbers, so that the order of passes is nothing.
final class RouterCount {
    private final String layer;
    private final Tensor bias;                                   // [experts], or null where experts are looked up
    private final Tensor counts;                                 // I64 [experts + 1], behind the loads the choices that no expert worked on
    private final Tensor load;                                   // I64 [experts], a view

    RouterCount(String layer, Tensor bias, int experts, Arena arena) {
        this.layer = layer;
        this.bias = bias;
        counts = Tensor.zeros(arena, DType.I64, Shape.of(experts + 1));
        load = counts.slice(0, 0, experts);
    }

    /// The loads, and the choices that no expert worked on, I64 `[experts + 1]`.
    Tensor counts() {
        return counts;
    }

    void clear() {
        counts.data().fill((byte) 0);
    }

    /// Adds the choices of a pass, `[rows, count]`; `offsets [experts + 1]` says how many of them the experts work on.
    void add(Tensor chosen, Tensor offsets) {
        Compute.run(new ExpertLoad(), chosen, load);
        long experts = load.shape().size();
        counts.data().setAtIndex(JAVA_LONG, experts, dropped() + chosen.shape().size() - offsets.getInt(experts));
    }

    /// Moves the router's biases towards an even load.
    void steer(float speed) {
        if (bias != null && speed > 0) {
            Compute.run(new RouterBiasStep(speed), bias, load);
        }
    }

    private long dropped() {
        return counts.data().getAtIndex(JAVA_LONG, load.shape().size());
    }

    RouterLoad seen() {
        List<Float> biases = bias == null ? List.of() : LongStream.range(0, bias.shape().size()).mapToObj(bias::getFloat).toList();
        return new RouterLoad(layer, LongStream.range(0, load.shape().size()).mapToObj(expert -> load.data().getAtIndex(JAVA_LONG, expert)).toList(), dropped(), biases);
    }
}
