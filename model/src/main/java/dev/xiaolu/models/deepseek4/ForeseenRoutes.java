package dev.xiaolu.models.deepseek4;

import static dev.xiaolu.platform.Check.check;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.xiaolu.op.Cast;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;

/// Experts chosen a fixed number of steps ahead: for each router a ring of that many steps, a row for each token in the order of sequences.
///
/// All of it is state of a run, for the weights that made a choice are gone when it is used. A step's rows take the place of those of the step that is just being ended, so they are kept when its passes are over.
final class ForeseenRoutes {
    private final int lag;
    private final Tensor steps;                                  // I64 [lag], the step whose rows each place holds; 0: none
    private final Map<String, Tensor> byLayer = new LinkedHashMap<>();                   // I32 [lag, tokens, count]

    /// For `lag` steps of up to `tokens` tokens, `count` experts each; lives in `arena`.
    ForeseenRoutes(Collection<String> layers, int lag, long tokens, int count, Arena arena) {
        this.lag = lag;
        steps = Tensor.zeros(arena, DType.I64, Shape.of(lag));
        layers.forEach(layer -> byLayer.put(layer, Tensor.zeros(arena, DType.I32, Shape.of(lag, tokens, count))));
    }

    /// Some rows of one step.
    final class Part {
        private final long place;
        private final long from;
        private final long rows;

        private Part(long step, long from, long rows) {
            this.place = step % lag;
            this.from = from;
            this.rows = rows;
        }

        /// What the router of `layer` chose, I32 `[rows, count]`: a view; null for a layer that looks experts up.
        Tensor of(String layer) {
            Tensor ring = byLayer.get(layer);
            return ring == null ? null : ring.at(place).slice(0, from, from + rows);
        }
    }

    /// The rows of step `step` from `from` on; null in the first steps, which nobody could foresee.
    Part at(long step, long from, long rows) {
        if (step <= lag || byLayer.isEmpty()) {
            return null;
        }
        check(kept(step) == step, "routes of step %d are wanted, their place holds those of step %d", step, kept(step));
        return new Part(step, from, rows);
    }

    /// Keeps what the router of `layer` chooses for the rows of step `step` from `from` on.
    void keep(String layer, long step, long from, Tensor chosen) {
        if (byLayer.containsKey(layer)) {
            Compute.into(new Cast(DType.I32), new Tensor[] {chosen}, new Part(step, from, chosen.shape().axis(0)).of(layer));
            steps.data().setAtIndex(JAVA_LONG, step % lag, step);
        }
    }

    private long kept(long step) {
        return steps.data().getAtIndex(JAVA_LONG, step % lag);
    }

    /// Everything kept, by name.
    Map<String, Tensor> state() {
        var state = new LinkedHashMap<String, Tensor>();
        state.put("foreseen.steps", steps);
        byLayer.forEach((layer, ring) -> state.put("foreseen." + layer, ring));
        return state;
    }
}
