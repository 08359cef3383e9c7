package dev.xiaolu.train;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.models.llama.Llama;
import dev.xiaolu.models.llama.LlamaConfig;
import dev.xiaolu.nn.RandomFiller;
import dev.xiaolu.nn.Training;
import dev.xiaolu.optim.AdamWOptimizer;
import dev.xiaolu.optim.MuonOptimizer;
import dev.xiaolu.optim.Optimizer;
import dev.xiaolu.optim.Schedule;
import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// A model small enough to train fifty steps in a test, on sequences drawn from a key; as a program it prints the digest it ends with.
///
/// @param backend     name of the backend
/// @param threads     threads of the backend
/// @param microLeaves leaves computed in one pass
/// @param muon        whether Muon takes the hidden matrices
record TinyRun(String backend, int threads, int microLeaves, boolean muon) {
    static final LlamaConfig CONFIG = new LlamaConfig(211, 48, 80, 2, 3, 1, 16, 1e-5f, 10_000, Optional.empty(), false, true, 64, 0.05f, List.of(), List.of());
    private static final int LENGTH = 40;
    private static final int SEQUENCES = 6;

    /// Arguments: backend, threads, micro-batch leaves, optimizer, steps.
    public static void main(String[] args) {
        var run = new TinyRun(args[0], Integer.parseInt(args[1]), Integer.parseInt(args[2]), args[3].equals("muon"));
        System.out.println("digest " + run.digestAfter(Integer.parseInt(args[4])));
    }

    /// Trains `steps` steps and gives the digest of weights and optimizer state.
    String digestAfter(int steps) {
        return digestAfter(steps, Integer.MAX_VALUE);
    }

    /// The same, stopping after every `stride` steps: what a checkpoint carries is copied out and a fresh model and optimizer go on from the copies.
    String digestAfter(int steps, int stride) {
        var saved = new TreeMap<String, byte[]>();
        for (int done = 0; done < steps; done += Math.min(stride, steps - done)) {
            part(done, Math.min(stride, steps - done), saved);
        }
        return digest(saved);
    }

    private void part(int done, int steps, Map<String, byte[]> saved) {
        try (Backend opened = Backends.open(backend, threads); Scratch scratch = new Scratch(); Arena arena = Arena.ofShared()) {
            Compute.call(opened, scratch, () -> {
                var model = new Llama(CONFIG, arena, new RandomFiller(RandomKey.ofSeed(7).at("init")));
                var adamW = new AdamWOptimizer.Settings(0.9, 0.95, 1e-8, 0.1);
                var plan = new StepPlan(SEQUENCES, 1, microLeaves, LENGTH);
                try (Optimizer optimizer = muon ? new MuonOptimizer(model.parameters().all(), model::isHiddenMatrix, new MuonOptimizer.Settings(0.95, 0.18, 0.1), adamW)
                        : new AdamWOptimizer(model.parameters().all(), adamW);
                        var step = new TrainStep(Training.plain(model), optimizer, Schedule.cosine(3e-3, 3e-4, 5, 50), 1, _ -> plan)) {
                    var state = new TreeMap<>(optimizer.state());
                    for (Parameter parameter : model.parameters().all()) {
                        state.put(parameter.name(), parameter.value());
                    }
                    saved.forEach((name, bytes) -> state.get(name).data().copyFrom(MemorySegment.ofArray(bytes)));
                    for (int i = 1; i <= steps; i++) {
                        StepResult result = step.run(done + i, TinyRun::sequence);
                        if (!result.updated()) {
                            throw new IllegalStateException("step changed nothing: " + result);
                        }
                    }
                    state.forEach((name, tensor) -> saved.put(name, bytes(tensor)));
                }
                return null;
            });
        }
    }

    /// Text of a kind: each token mostly follows from the one before, two documents in a sequence.
    private static SequenceSource.Sequence sequence(long step, int index, int length) {
        RandomKey key = RandomKey.ofSeed(11).at(step).at(index);
        int[] tokens = new int[length + 1];
        int[] first = new int[length];
        int border = 1 + (int) Long.remainderUnsigned(key.bits(1_000_000), length - 1);
        for (int i = 0; i <= length; i++) {
            boolean follows = i > 0 && key.uniform(i) < 0.8f;
            tokens[i] = follows ? (tokens[i - 1] * 5 + 3) % CONFIG.vocabSize() : (int) Long.remainderUnsigned(key.bits(2_000_000 + i), CONFIG.vocabSize());
            if (i < length) {
                first[i] = i < border ? 0 : border;
            }
        }
        return new SequenceSource.Sequence(tokens, first);
    }

    private static byte[] bytes(Tensor tensor) {
        return tensor.data().asSlice(0, tensor.type().bytes()).toArray(ValueLayout.JAVA_BYTE);
    }

    private static String digest(Map<String, byte[]> saved) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            saved.forEach((name, bytes) -> {
                digest.update(name.getBytes(java.nio.charset.StandardCharsets.UTF_8));
                digest.update(bytes);
            });
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException missing) {
            throw new IllegalStateException(missing);
        }
    }
}
