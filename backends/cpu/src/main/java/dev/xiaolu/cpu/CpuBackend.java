package dev.xiaolu.cpu;

import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.op.AdamW;
import dev.xiaolu.op.Add;
import dev.xiaolu.op.Attention;
import dev.xiaolu.op.AttentionGrad;
import dev.xiaolu.op.AttentionShare;
import dev.xiaolu.op.Axpby;
import dev.xiaolu.op.BalanceLoss;
import dev.xiaolu.op.BalanceLossGrad;
import dev.xiaolu.op.Cast;
import dev.xiaolu.op.ClampedSwiGlu;
import dev.xiaolu.op.ClampedSwiGluGrad;
import dev.xiaolu.op.Combine;
import dev.xiaolu.op.CombineGrad;
import dev.xiaolu.op.Compress;
import dev.xiaolu.op.CompressGrad;
import dev.xiaolu.op.CrossEntropy;
import dev.xiaolu.op.CrossEntropyGrad;
import dev.xiaolu.op.Dequantise;
import dev.xiaolu.op.Digest;
import dev.xiaolu.op.Embed;
import dev.xiaolu.op.EmbedGrad;
import dev.xiaolu.op.ExpertLinear;
import dev.xiaolu.op.ExpertLinearGrad;
import dev.xiaolu.op.ExpertLoad;
import dev.xiaolu.op.ExpertLookup;
import dev.xiaolu.op.ExpertPlan;
import dev.xiaolu.op.FakeQuantise;
import dev.xiaolu.op.FixedAdd;
import dev.xiaolu.op.FixedMean;
import dev.xiaolu.op.GroupedLinear;
import dev.xiaolu.op.GroupedLinearGrad;
import dev.xiaolu.op.Hadamard;
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
import dev.xiaolu.op.IndexLoss;
import dev.xiaolu.op.IndexLossGrad;
import dev.xiaolu.op.IndexScores;
import dev.xiaolu.op.IndexScoresGrad;
import dev.xiaolu.op.JointAttention;
import dev.xiaolu.op.JointAttentionGrad;
import dev.xiaolu.op.MatMul;
import dev.xiaolu.op.Mean;
import dev.xiaolu.op.MeanGrad;
import dev.xiaolu.op.Op;
import dev.xiaolu.op.Quantise;
import dev.xiaolu.op.RandomNormal;
import dev.xiaolu.op.RmsNorm;
import dev.xiaolu.op.RmsNormGrad;
import dev.xiaolu.op.Rope;
import dev.xiaolu.op.RopePairs;
import dev.xiaolu.op.RouteScores;
import dev.xiaolu.op.RouteScoresGrad;
import dev.xiaolu.op.RouteWeights;
import dev.xiaolu.op.RouteWeightsGrad;
import dev.xiaolu.op.RouterBiasStep;
import dev.xiaolu.op.Scale;
import dev.xiaolu.op.Softmax;
import dev.xiaolu.op.SoftmaxGrad;
import dev.xiaolu.op.SqrtSoftplus;
import dev.xiaolu.op.SqrtSoftplusGrad;
import dev.xiaolu.op.SquareSums;
import dev.xiaolu.op.SwiGlu;
import dev.xiaolu.op.SwiGluGrad;
import dev.xiaolu.op.TakeRows;
import dev.xiaolu.op.TakeRowsGrad;
import dev.xiaolu.op.TopEntries;
import dev.xiaolu.op.TopExperts;
import dev.xiaolu.op.UnitNorm;
import dev.xiaolu.op.UnitNormGrad;
import dev.xiaolu.platform.Clock;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Kernel;
import dev.xiaolu.tensor.Reference;
import dev.xiaolu.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalDouble;

/// Runs operators on this machine's cores: one kernel for each class of operator, the reference for the others.
///
/// A kernel sees inputs as they are, views included; outputs are contiguous.
final class CpuBackend implements Backend {
    /// Processors up to which a team and the JIT compiler get in each other's way; measured with two.
    private static final int SCARCE = 4;

    private final Workers workers;
    private final Reference reference = new Reference();
    private final Map<Class<? extends Op>, Kernel<? extends Op>> kernels = new HashMap<>();
    private final MatMulKernel products;
    private final ExpertLinearKernels experts;
    private final BalanceKernels balance;

    /// Opens the backend with so many threads, or one for each processor where `threads` is 0.
    CpuBackend(int threads) {
        checkInput(threads >= 0 && threads <= 1024, "cpu.threads is %d, wanted 0 (one for each processor) to 1024", threads);
        workers = new Workers(threads == 0 ? Runtime.getRuntime().availableProcessors() : threads);
        products = new MatMulKernel(workers);
        add(MatMul.class, products);
        addElements();
        addRows();
        addAttention();
        addBlocks();
        experts = new ExpertLinearKernels(workers);
        balance = new BalanceKernels(workers);
        addHyper();
        addRouter();
        addExperts();
    }

    private void addElements() {
        var sums = new AddKernels(workers);
        add(Add.class, sums::add);
        add(Axpby.class, sums::combine);
        add(Scale.class, sums::scale);
        var swiGlu = new SwiGluKernels(workers);
        add(SwiGlu.class, swiGlu::forward);
        add(SwiGluGrad.class, swiGlu::gradients);
        var fixed = new FixedKernels(workers);
        add(FixedAdd.class, fixed::add);
        add(FixedMean.class, fixed::mean);
        add(AdamW.class, new AdamWKernel(workers));
        add(Cast.class, new CastKernel(workers));
        add(Digest.class, new DigestKernel(workers));
        add(RandomNormal.class, new RandomNormalKernel(workers));
    }

    private void addRows() {
        var norms = new RmsNormKernels(workers);
        add(RmsNorm.class, norms::forward);
        add(RmsNormGrad.class, norms::gradients);
        add(SquareSums.class, norms::squareSums);
        var losses = new CrossEntropyKernels(workers);
        add(CrossEntropy.class, losses::forward);
        add(CrossEntropyGrad.class, losses::gradient);
        var means = new MeanKernels();
        add(Mean.class, means::forward);
        add(MeanGrad.class, means::gradient);
        var embeddings = new EmbedKernels(workers);
        add(Embed.class, embeddings::forward);
        add(EmbedGrad.class, embeddings::gradient);
        add(Rope.class, new RopeKernel(workers));
        var rotations = new RotationKernels(workers);
        add(Hadamard.class, rotations::hadamard);
        add(RopePairs.class, rotations::pairs);
    }

    private void addAttention() {
        add(Attention.class, new AttentionKernel(workers));
        add(AttentionGrad.class, new AttentionGradKernel(workers));
        add(AttentionShare.class, new AttentionShareKernel(workers));
        var compressions = new CompressKernels(workers);
        add(Compress.class, compressions::forward);
        add(CompressGrad.class, compressions::gradients);
        var objective = new IndexLossKernels(workers);
        add(IndexLoss.class, objective::forward);
        add(IndexLossGrad.class, objective::gradient);
        var scores = new IndexScoresKernels(workers);
        add(IndexScores.class, scores::forward);
        add(IndexScoresGrad.class, scores::gradients);
        add(JointAttention.class, new JointAttentionKernel(workers));
        add(JointAttentionGrad.class, new JointAttentionGradKernel(workers));
        add(TopEntries.class, new TopEntriesKernel(workers));
    }

    private void addBlocks() {
        var blocks = new BlockKernels(workers);
        add(Dequantise.class, blocks::dequantise);
        add(FakeQuantise.class, blocks::fake);
        add(Quantise.class, blocks::quantise);
    }

    private void addHyper() {
        var norms = new UnitNormKernels(workers);
        add(UnitNorm.class, norms::forward);
        add(UnitNormGrad.class, norms::gradient);
        var gates = new HyperGatesKernels(workers);
        add(HyperGates.class, gates::forward);
        add(HyperGatesGrad.class, gates::gradients);
        add(HyperHeadGates.class, gates::head);
        add(HyperHeadGatesGrad.class, gates::headGradients);
        var streams = new HyperStreamKernels(workers);
        add(HyperExpand.class, streams::expand);
        add(HyperExpandGrad.class, streams::expandGradient);
        add(HyperCollapse.class, streams::collapse);
        add(HyperCollapseGrad.class, streams::collapseGradients);
        add(HyperMix.class, streams::mix);
        add(HyperMixGrad.class, streams::mixGradients);
    }

    private void addRouter() {
        var router = new RouterKernels(workers);
        add(SqrtSoftplus.class, router::scores);
        add(SqrtSoftplusGrad.class, router::scoreGradients);
        add(TopExperts.class, router::top);
        add(RouteWeights.class, router::weights);
        add(RouteWeightsGrad.class, router::weightGradients);
        var shares = new SoftmaxKernels(workers);
        add(Softmax.class, shares::forward);
        add(SoftmaxGrad.class, shares::gradient);
        add(RouteScores.class, shares::weights);
        add(RouteScoresGrad.class, shares::weightGradients);
        var tables = new RouterTableKernels(workers);
        add(ExpertLookup.class, tables::lookup);
        add(ExpertLoad.class, tables::load);
        add(RouterBiasStep.class, tables::step);
        add(BalanceLoss.class, balance::forward);
        add(BalanceLossGrad.class, balance::gradient);
    }

    private void addExperts() {
        var rows = new ExpertRowKernels(workers);
        add(ExpertPlan.class, rows::plan);
        add(TakeRows.class, rows::take);
        add(TakeRowsGrad.class, rows::takeGradient);
        add(Combine.class, rows::combine);
        add(CombineGrad.class, rows::combineGradients);
        add(ExpertLinear.class, experts::experts);
        add(ExpertLinearGrad.class, experts::expertGradients);
        add(GroupedLinear.class, experts::groups);
        add(GroupedLinearGrad.class, experts::groupGradients);
        var gates = new ClampedSwiGluKernels(workers);
        add(ClampedSwiGlu.class, gates::forward);
        add(ClampedSwiGluGrad.class, gates::gradients);
    }

    private <O extends Op> void add(Class<O> op, Kernel<O> kernel) {
        kernels.put(op, kernel);
    }

    @Override public String name() {
        return "cpu";
    }

    @Override public String describe() {
        return "%d-bit vectors%s, %d thread%s".formatted(Vectors.BITS, MachineCode.available() ? " and machine code" : "", workers.threads(), workers.threads() == 1 ? "" : "s");
    }

    @Override public boolean supports(Class<? extends Op> op) {
        return kernels.containsKey(op);
    }

    @Override public void run(Op op, Tensor[] inputs, Tensor[] outputs) {
        @SuppressWarnings("unchecked")                           // add() ties the class to the kernel's type
        var kernel = (Kernel<Op>) kernels.get(op.getClass());
        if (kernel == null) {
            reference.run(op, inputs, outputs);
        } else {
            kernel.run(op, inputs, outputs);
        }
    }

    @Override public void settle(Clock clock) {
        if (Runtime.getRuntime().availableProcessors() <= SCARCE) {
            workers.settle(clock);
        }
    }

    @Override public OptionalDouble measurePeak() {
        return OptionalDouble.of(new Peak(workers).flopsPerSecond());
    }

    @Override public OptionalDouble measureBandwidth() {
        return OptionalDouble.of(new Peak(workers).bytesPerSecond());
    }

    @Override public void close() {
        workers.close();
        products.close();
        experts.close();
        balance.close();
    }
}
