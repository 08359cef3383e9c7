package dev.xiaolu.train;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.nn.RandomFiller;
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
import java.util.Map;
import java.util.TreeMap;

/// A model small enough to train fifty steps in a test, on sequences drawn from a key; as a program it prints the digest it ends with.
///
/// @param model       what is trained
/// @param backend     name of the backend
/// @param threads     threads of the backend
/// @param microLeaves leaves computed in one pass
record TinyRun(TinyModel model, String backend, int threads, int microLeaves) {
    private static final int SEQUENCES = 6;

    /// Arguments: model, backend, threads, micro-batch leaves, steps.
    public static void main(String[] args) {
        var run = new TinyRun(TinyModel.valueOf(args[0]), args[1], Integer.parseInt(args[2]), Integer.parseInt(args[3]));
        System.out.println("digest " + run.digestAfter(Integer.parseInt(args[4])));
    }

    /// Trains `steps` steps and gives the digest of weights, optimizer state and what else a checkpoint carries.
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
                var training = model.training(arena, new RandomFiller(RandomKey.ofSeed(7).at("init")), SEQUENCES * model.length());
                var plan = new StepPlan(SEQUENCES, 1, microLeaves, model.length());
                try (Optimizer optimizer = model.optimizer(training); var step = new TrainStep(training, optimizer, Schedule.cosine(3e-3, 3e-4, 5, 50), 1, _ -> plan)) {
                    var state = new TreeMap<>(optimizer.state());
                    state.putAll(training.state());
                    for (Parameter parameter : training.model().parameters().all()) {
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
            tokens[i] = follows ? (tokens[i - 1] * 5 + 3) % TinyModel.VOCAB : (int) Long.remainderUnsigned(key.bits(2_000_000 + i), TinyModel.VOCAB);
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
