package dev.xiaolu.tensor;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.xiaolu.op.BalanceLoss;
import dev.xiaolu.op.BalanceLossGrad;
import dev.xiaolu.op.ClampedSwiGlu;
import dev.xiaolu.op.ClampedSwiGluGrad;
import dev.xiaolu.op.Combine;
import dev.xiaolu.op.CombineGrad;
import dev.xiaolu.op.ExpertLinear;
import dev.xiaolu.op.ExpertLinearGrad;
import dev.xiaolu.op.ExpertLoad;
import dev.xiaolu.op.ExpertLookup;
import dev.xiaolu.op.ExpertPlan;
import dev.xiaolu.op.GroupedLinear;
import dev.xiaolu.op.GroupedLinearGrad;
import dev.xiaolu.op.HyperCollapse;
import dev.xiaolu.op.HyperCollapseGrad;
import dev.xiaolu.op.HyperExpand;
import dev.xiaolu.op.HyperExpandGrad;
import dev.xiaolu.op.HyperGates;
import dev.xiaolu.op.HyperGatesGrad;
import dev.xiaolu.op.HyperHeadGates;
import dev.xiaolu.op.HyperHeadGatesGrad;
import dev.xiaolu.op.HyperMix;
import dev.xiaolu.op.HyperMixGrad;
import dev.xiaolu.op.Op;
import dev.xiaolu.op.RouteScores;
import dev.xiaolu.op.RouteScoresGrad;
import dev.xiaolu.op.RouteWeights;
import dev.xiaolu.op.RouteWeightsGrad;
import dev.xiaolu.op.RouterBiasStep;
import dev.xiaolu.op.Softmax;
import dev.xiaolu.op.SoftmaxGrad;
import dev.xiaolu.op.SqrtSoftplus;
import dev.xiaolu.op.SqrtSoftplusGrad;
import dev.xiaolu.op.TakeRows;
import dev.xiaolu.op.TakeRowsGrad;
import dev.xiaolu.op.TopExperts;
import dev.xiaolu.op.UnitNorm;
import dev.xiaolu.op.UnitNormGrad;
import java.util.List;

/// The part of the self-test on hyper-connections, routers and experts.
final class SelfTestExperts {
    private static final int FAMILY = 1;
    private static final int SOFTMAX = 2;

    private final SelfTest test;

    SelfTestExperts(SelfTest test) {
        this.test = test;
    }

    void add(List<SelfTest.Case> cases) {
        test.restart(FAMILY);
        addHyper(cases);
        addRouter(cases);
        addExperts(cases);
        addStart(cases);
        test.restart(SOFTMAX);
        addSoftmax(cases);
    }

    private void addHyper(List<SelfTest.Case> cases) {
        add(cases, new UnitNorm(1e-6f), test.normal(11, 101));
        add(cases, new UnitNormGrad(1e-6f), test.normal(11, 101), test.normal(11, 101));
        add(cases, new HyperGates(20, 1e-6f), test.normal(21, 24), test.normal(24), test.normal(3));
        add(cases, new HyperGatesGrad(20, 1e-6f, 2), test.normal(600, 24), test.normal(24), test.normal(3), test.normal(600, 4), test.normal(600, 4), test.normal(600, 4, 4));
        add(cases, new HyperHeadGates(1e-6f), test.normal(21, 4), test.normal(4), test.normal(1));
        add(cases, new HyperHeadGatesGrad(2), test.normal(600, 4), test.normal(4), test.normal(1), test.normal(600, 4));
        add(cases, new HyperCollapse(), test.normal(7, 4), test.normal(7, 4, 101));
        add(cases, new HyperCollapseGrad(), test.normal(7, 4), test.normal(7, 4, 101), test.normal(7, 101));
        add(cases, new HyperMix(), test.normal(7, 4, 101), test.normal(7, 101), test.normal(7, 4), test.normal(7, 4, 4));
        add(cases, new HyperMixGrad(), test.normal(7, 4, 101), test.normal(7, 101), test.normal(7, 4), test.normal(7, 4, 4), test.normal(7, 4, 101));
    }

    private void addStart(List<SelfTest.Case> cases) {
        add(cases, new HyperExpand(4), test.normal(7, 101));
        add(cases, new HyperExpandGrad(), test.normal(7, 4, 101));
    }

    private void addRouter(List<SelfTest.Case> cases) {
        Tensor scores = test.squares(40, 37);
        Tensor chosen = chosen(40, 6, 37);
        add(cases, new SqrtSoftplus(), test.normal(40, 37));
        add(cases, new SqrtSoftplusGrad(), test.normal(40, 37), scores, test.normal(40, 37));
        add(cases, new TopExperts(6), scores, test.normal(37));
        Tensor table = test.integers(30, 6);
        for (long i = 0; i < table.shape().size(); i++) {
            table.data().setAtIndex(JAVA_LONG, i, table.data().getAtIndex(JAVA_LONG, i) & 0xFFFF);
        }
        add(cases, new ExpertLookup(), table, test.ints(0, 30, 4, 5));
        add(cases, new RouteWeights(1.5f), scores, chosen);
        add(cases, new RouteWeightsGrad(1.5f), scores, chosen, test.normal(40, 6));
        add(cases, new BalanceLoss(0.5f), scores.reshape(2, 20, 37), chosen);
        add(cases, new BalanceLossGrad(0.5f), scores.reshape(2, 20, 37), chosen, test.normal(2));
        add(cases, new ExpertLoad(), chosen, test.integers(37));
        add(cases, new RouterBiasStep(1e-3f), test.normal(37), test.integers(37));
    }

    private void addSoftmax(List<SelfTest.Case> cases) {
        Tensor chosen = chosen(40, 6, 37);
        add(cases, new Softmax(), test.normal(40, 37));
        add(cases, new SoftmaxGrad(), test.squares(40, 37), test.normal(40, 37));
        add(cases, new RouteScores(1.5f), test.squares(40, 37), chosen);
        add(cases, new RouteScoresGrad(1.5f), test.squares(40, 37), chosen, test.normal(40, 6));
    }

    private void addExperts(List<SelfTest.Case> cases) {
        Tensor chosen = chosen(300, 2, 5);
        Tensor[] plan = {test.ints(0, 1, 600), test.ints(0, 1, 6), test.ints(0, 1, 300, 2)};
        ReferenceExperts.run(new ExpertPlan(5), new Tensor[] {chosen}, plan);
        add(cases, new ExpertPlan(5), chosen);
        add(cases, new TakeRows(), test.normal(300, 19), plan[2]);
        add(cases, new TakeRowsGrad(), test.normal(600, 19), plan[2]);
        add(cases, new ExpertLinear(false), test.normal(600, 19), test.normal(5, 21, 19), plan[0], plan[1]);
        add(cases, new ExpertLinear(true), test.normal(600, 21), test.normal(5, 21, 19), plan[0], plan[1]);
        add(cases, new ExpertLinearGrad(2), test.normal(600, 19), test.normal(600, 21), plan[0], plan[1]);
        add(cases, new Combine(), test.normal(600, 19), test.normal(300, 2), plan[2]);
        add(cases, new CombineGrad(), test.normal(600, 19), test.normal(300, 2), plan[2], test.normal(300, 19));
        add(cases, new GroupedLinear(false), test.normal(40, 3, 300), test.normal(3 * 7, 300));
        add(cases, new GroupedLinear(true), test.normal(40, 3, 7), test.normal(3 * 7, 300));
        add(cases, new GroupedLinearGrad(2), test.normal(600, 3, 19), test.normal(600, 3, 7));
        add(cases, new ClampedSwiGlu(0.75f), test.normal(5, 203), test.normal(5, 203));
        add(cases, new ClampedSwiGluGrad(0.75f), test.normal(5, 203), test.normal(5, 203), test.normal(5, 203));
    }

    /// Experts of tokens, ascending in each row: a step of at least one from each to the next.
    private Tensor chosen(int rows, int count, int experts) {
        Tensor chosen = test.ints(0, experts / count, rows, count);
        for (long row = 0; row < rows; row++) {
            int least = 0;
            for (long k = 0; k < count; k++) {
                int expert = least + chosen.getInt(row, k);
                chosen.data().setAtIndex(JAVA_INT, row * count + k, expert);
                least = expert + 1;
            }
        }
        return chosen;
    }

    private static void add(List<SelfTest.Case> cases, Op op, Tensor... inputs) {
        cases.add(new SelfTest.Case(op, inputs));
    }
}
