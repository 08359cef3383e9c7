package dev.xiaolu.train;

import dev.xiaolu.nn.TrainingLosses;
import dev.xiaolu.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;

/// The losses of one step: those of its leaves as whole numbers, so that the order of passes is nothing.
final class LossSums {
    private static final double UNIT = 0x1p-52;
    private static final double RANGE = 1024;

    private final int leavesOfStep;
    private final Map<String, Long> terms = new LinkedHashMap<>();
    private long nextToken;
    private boolean finite = true;

    LossSums(int leavesOfStep) {
        this.leavesOfStep = leavesOfStep;
    }

    /// Adds the losses of a pass.
    void add(TrainingLosses losses) {
        nextToken += units(losses.nextToken());
        for (TrainingLosses.Term term : losses.terms()) {
            terms.merge(term.name(), units(term.perLeaf()), Long::sum);
        }
    }

    private long units(Tensor perLeaf) {
        long units = 0;
        for (long leaf = 0; leaf < perLeaf.shape().size(); leaf++) {
            double loss = perLeaf.getFloat(leaf);
            finite &= Math.abs(loss) < RANGE;
            units += (long) Math.rint(loss / UNIT / leavesOfStep);
        }
        return units;
    }

    /// Whether every loss was a number in range.
    boolean finite() {
        return finite;
    }

    /// Mean of the next token's loss; NaN where a loss was not finite.
    double nextToken() {
        return finite ? nextToken * UNIT : Double.NaN;
    }

    /// Means of the other terms before their weights, by name.
    Map<String, Double> terms() {
        var means = new LinkedHashMap<String, Double>();
        terms.forEach((name, units) -> means.put(name, finite ? units * UNIT : Double.NaN));
        return means;
    }
}
