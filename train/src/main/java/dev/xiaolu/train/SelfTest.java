package dev.xiaolu.train;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.models.llama.Llama;
import dev.xiaolu.models.llama.LlamaConfig;
import dev.xiaolu.nn.RandomFiller;
import dev.xiaolu.op.Digest;
import dev.xiaolu.op.Op;
import dev.xiaolu.optim.AdamWOptimizer;
import dev.xiaolu.optim.MuonOptimizer;
import dev.xiaolu.optim.Schedule;
import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.store.DigestChain;
import dev.xiaolu.store.TensorDigest;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Reference;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Whether a backend computes the right bits on this machine: two steps of training a small model, every operator compared with the reference as it runs, and
/// the digest of the weights compared with the one on record, so that a machine on which the reference itself goes wrong is found too. About a second.
public final class SelfTest {
    /// Digest of the weights after two steps under arithmetic version 1.
    static final String RECORDED = "96e8caf58756f243c3c5f908ac9248ee67f0943ca4314450b21c4c1a9b0637f9";

    private static final LlamaConfig CONFIG = new LlamaConfig(300, 32, 48, 1, 2, 1, 16, 1e-5f, 10_000, Optional.empty(), false, true, 64, 0.05f, List.of(), List.of());
    private static final int LENGTH = 24;
    private static final int STEPS = 2;

    private SelfTest() {}

    /// What is wrong with the bits of this backend, naming the operator; empty when nothing is.
    public static String fault(Backend backend) {
        try {
            String digest = digest(backend.name().equals("reference") ? backend : new Compared(backend));
            return digest.equals(RECORDED) ? "" : "two steps of training end in weights %s…, wanted %s…; this machine or its Java computes other bits".formatted(digest.substring(0, 12), RECORDED.substring(0, 12));
        } catch (OtherBitsException other) {
            return other.getMessage();
        }
    }

    /// Digest of the weights after the two steps.
    static String digest(Backend backend) {
        try (Scratch scratch = new Scratch(); Arena arena = Arena.ofShared()) {
            return Compute.call(backend, scratch, () -> {
                var model = new Llama(CONFIG, arena, new RandomFiller(RandomKey.ofSeed(7).at("init")));
                var adamW = new AdamWOptimizer.Settings(0.9, 0.95, 1e-8, 0.1);
                try (var optimizer = new MuonOptimizer(model.parameters().all(), model::isHiddenMatrix, new MuonOptimizer.Settings(0.95, 0.2, 0.1), adamW);
                        var step = new TrainStep(model, optimizer, Schedule.constant(3e-3, 0), 1, new StepPlan(2, 1, 1, LENGTH))) {
                    for (int i = 1; i <= STEPS; i++) {
                        step.run(i, SelfTest::sequence);
                    }
                }
                Map<String, TensorDigest> digests = new LinkedHashMap<>();
                for (Parameter parameter : model.parameters().all()) {
                    digests.put(parameter.name(), TensorDigest.of(parameter.value().type(), Compute.one(new Digest(0), parameter.value())));
                }
                return DigestChain.digest(digests);
            });
        }
    }

    /// Two documents in a sequence, each token mostly following from the one before.
    private static SequenceSource.Sequence sequence(long step, int index, int length) {
        RandomKey key = RandomKey.ofSeed(11).at(step).at(index);
        int[] tokens = new int[length + 1];
        int[] first = new int[length];
        int border = length / 3 + index;
        for (int i = 0; i <= length; i++) {
            boolean follows = i > 0 && key.uniform(i) < 0.8f;
            tokens[i] = follows ? (tokens[i - 1] * 5 + 3) % CONFIG.vocabSize() : (int) Long.remainderUnsigned(key.bits(1000 + i), CONFIG.vocabSize());
            if (i < length) {
                first[i] = i < border ? 0 : border;
            }
        }
        return new SequenceSource.Sequence(tokens, first);
    }

    /// A backend that runs every operator twice, the second time on the reference, and compares.
    private record Compared(Backend backend, Reference reference) implements Backend {
        Compared(Backend backend) {
            this(backend, new Reference());
        }

        @Override public void run(Op op, Tensor[] inputs, Tensor[] outputs) {
            try (Arena arena = Arena.ofConfined()) {
                Tensor[] inputsAgain = copies(inputs, arena);        // also of what an operator changes in place
                Tensor[] outputsAgain = copies(outputs, arena);
                backend.run(op, inputs, outputs);
                reference.run(op, inputsAgain, outputsAgain);
                compare(op, inputs, inputsAgain);
                compare(op, outputs, outputsAgain);
            }
        }

        private void compare(Op op, Tensor[] found, Tensor[] wanted) {
            for (int i = 0; i < found.length; i++) {
                long at = found[i].data().mismatch(wanted[i].data());
                if (at >= 0) {
                    throw new OtherBitsException("operator %s on backend %s gives other bits than the reference, first at byte %d of %s".formatted(op.name(), backend.name(), at, found[i]));
                }
            }
        }

        private static Tensor[] copies(Tensor[] tensors, Arena arena) {
            Tensor[] copies = new Tensor[tensors.length];
            for (int i = 0; i < tensors.length; i++) {
                MemorySegment copy = arena.allocate(Math.max(1, tensors[i].data().byteSize()), 64).asSlice(0, tensors[i].data().byteSize());
                copies[i] = tensors[i].over(copy.copyFrom(tensors[i].data()));
            }
            return copies;
        }

        @Override public String name() {
            return backend.name();
        }

        @Override public String describe() {
            return backend.describe();
        }

        @Override public boolean supports(Class<? extends Op> op) {
            return backend.supports(op);
        }

        @Override public void close() {
            backend.close();
        }
    }

    private static final class OtherBitsException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        OtherBitsException(String message) {
            super(message);
        }
    }
}
