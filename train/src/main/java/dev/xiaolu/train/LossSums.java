package dev.xiaolu.train;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.nn.TrainingLosses;
import dev.xiaolu.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The losses of one step: those of its leaves as whole numbers, so that neither the order of passes nor who made them is anything.
///
/// As [#counts] they can be summed over ranks element by element. One thread at a time.
public final class LossSums {
    private static final double UNIT = 0x1p-52;
    private static final double RANGE = 1024;

    private final List<String> terms;
    private final int leavesOfStep;
    private final long[] counts;                                 // leaves out of range, the next token's units, then for each term its units and how often it was there

    /// No losses yet, of a step of so many leaves, with terms of these names.
    public LossSums(List<String> terms, int leavesOfStep) {
        this(terms, leavesOfStep, new long[size(terms)]);
    }

    private LossSums(List<String> terms, int leavesOfStep, long[] counts) {
        this.terms = List.copyOf(terms);
        this.leavesOfStep = leavesOfStep;
        this.counts = counts;
    }

    /// The losses whose counts, or the sums of those of several ranks, begin at `from`.
    public static LossSums of(List<String> terms, int leavesOfStep, long[] counts, int from) {
        check(counts.length - from >= size(terms), "losses with the terms %s are %d counts, found %d", terms, size(terms), counts.length - from);
        var part = new long[size(terms)];
        System.arraycopy(counts, from, part, 0, part.length);
        return new LossSums(terms, leavesOfStep, part);
    }

    /// How many numbers [#counts] gives.
    public static int size(List<String> terms) {
        return 2 + 2 * terms.size();
    }

    /// What has been added so far.
    public long[] counts() {
        return counts.clone();
    }

    /// Adds the losses of a pass.
    void add(TrainingLosses losses) {
        counts[1] += units(losses.nextToken());
        for (TrainingLosses.Term term : losses.terms()) {
            int place = terms.indexOf(term.name());
            check(place >= 0, "a loss named %s, wanted one of %s", term.name(), terms);
            counts[2 + 2 * place] += units(term.perLeaf());
            counts[3 + 2 * place]++;
        }
    }

    private long units(Tensor perLeaf) {
        long units = 0;
        for (long leaf = 0; leaf < perLeaf.shape().size(); leaf++) {
            double loss = perLeaf.getFloat(leaf);
            counts[0] += Math.abs(loss) < RANGE ? 0 : 1;
            units += (long) Math.rint(loss / UNIT / leavesOfStep);
        }
        return units;
    }

    /// Whether every loss was a number in range.
    public boolean finite() {
        return counts[0] == 0;
    }

    /// Mean of the next token's loss; NaN where a loss was not finite.
    public double nextToken() {
        return finite() ? counts[1] * UNIT : Double.NaN;
    }

    /// Means of the other terms before their weights, by name; of those alone that were there.
    public Map<String, Double> terms() {
        var means = new LinkedHashMap<String, Double>();
        for (int i = 0; i < terms.size(); i++) {
            if (counts[3 + 2 * i] > 0) {
                means.put(terms.get(i), finite() ? counts[2 + 2 * i] * UNIT : Double.NaN);
            }
        }
        return means;
    }
}
