package dev.xiaolu.models.deepseek4;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.autograd.Tape;
import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.RouterLoad;
import dev.xiaolu.nn.TrainingLosses;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Recycling;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Golden;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/// What training adds to the next token's loss: each term a function of its leaf alone, the routers steered by the load of the whole step.
class DeepSeekV4TrainingTest {
    private static final int LENGTH = 48;
    private static final DeepSeekV4Recipe RECIPE = new DeepSeekV4Recipe(1e-4f, 0.001f, 0.3f, 0.1f, 10);

    private interface Check {
        void of(DeepSeekV4 model, Arena arena);
    }

    private static void withModel(Check check) {
        try (Backend backend = Backends.open("auto", 2); Scratch scratch = new Scratch(); Arena arena = Arena.ofShared()) {
            Compute.call(backend, scratch, () -> {
                check.of(GoldenModel.of(Golden.open("deepseek4/tiny_a"), arena), arena);
                return null;
            });
        }
    }

    private static int[] text(int seed) {
        return new Random(seed).ints(LENGTH + 1, 0, 512).toArray();
    }

    /// Losses by name and gradients by parameter of one pass, a leaf for each sequence.
    private static TreeMap<String, float[]> pass(DeepSeekV4Training training, int[]... sequences) {
        Scratch scratch = Compute.current().scratch();
        var found = new TreeMap<String, float[]>();
        int leaves = sequences.length;
        Batch batch = Batch.of(scratch, sequences, new int[leaves][LENGTH], LENGTH);
        var tape = new Tape(training.trained(), leaves);
        TrainingLosses losses = Compute.recording(tape, () -> training.losses(batch, Batch.targets(scratch, sequences, LENGTH), 0, leaves));
        found.put("loss", losses.nextToken().toFloats());
        List<Tape.Seed> seeds = new ArrayList<>();
        seeds.add(new Tape.Seed(losses.nextToken(), filled(scratch, leaves, 1)));
        for (TrainingLosses.Term term : losses.terms()) {
            found.put(term.name() + " " + seeds.size(), term.perLeaf().toFloats());
            seeds.add(new Tape.Seed(term.perLeaf(), filled(scratch, leaves, term.weight())));
        }
        tape.backward(seeds, (parameter, sums) -> found.put(parameter.name(), sums.toFloats()));
        return found;
    }

    private static Tensor filled(Scratch scratch, int count, float value) {
        Tensor filled = scratch.allocate(new TensorType(DType.F32, Shape.of(count)));
        for (int i = 0; i < count; i++) {
            filled.setFloat(value, i);
        }
        return filled;
    }

    /// Every term of the loss has a part, so that gradients meet, fork and pass unchanged in all the ways that the model knows.
    @Test void memoryUsedAgainOnTheWayBackChangesNoBitAndSavesMemory() {
        withModel((model, arena) -> {
            var training = new DeepSeekV4Training(model, RECIPE, arena);
            training.begin(1);
            Backend backend = Compute.current().backend();
            try (Scratch plain = new Scratch(); Scratch thrifty = new Scratch()) {
                TreeMap<String, float[]> apart = Compute.call(backend, plain, () -> pass(training, text(1), text(2)));
                TreeMap<String, float[]> again = Compute.call(backend, thrifty, () -> {
                    try (Recycling _ = thrifty.recycle()) {
                        return pass(training, text(1), text(2));
                    }
                });
                assertEquals(apart.keySet(), again.keySet());
                apart.forEach((name, values) -> assertArrayEquals(values, again.get(name), 0, name));
                assertEquals(0, plain.mark().slab(), "more than one slab: marks no longer tell the bytes");
                assertTrue(thrifty.mark().used() < plain.mark().used() * 3 / 4, "%s with memory used again, %s without".formatted(thrifty.mark(), plain.mark()));
            }
        });
    }

    @Test void eachLeafHasTheTermsAndGradientsThatItHasAlone() {
        withModel((model, arena) -> {
            var training = new DeepSeekV4Training(model, RECIPE, arena);
            training.begin(1);
            TreeMap<String, float[]> together = pass(training, text(1), text(2));
            List<RouterLoad> load = training.routers();
            training.begin(1);
            TreeMap<String, float[]> second = pass(training, text(2));
            TreeMap<String, float[]> first = pass(training, text(1));
            assertEquals(together.keySet(), first.keySet());
            together.forEach((name, values) -> {
                assertArrayEquals(first.get(name), Arrays.copyOf(values, values.length / 2), name);
                assertArrayEquals(second.get(name), Arrays.copyOfRange(values, values.length / 2, values.length), name);
            });
            assertEquals(load, training.routers());
            assertTrue(together.containsKey("mtp.0.h_proj.weight") && together.keySet().stream().filter(name -> name.startsWith("balance_loss")).count() == 5, together.keySet()::toString);
        });
    }

    @Test void everyChoiceIsCountedOnceAndNoneIsDropped() {
        withModel((model, arena) -> {
            var training = new DeepSeekV4Training(model, RECIPE, arena);
            training.begin(1);
            pass(training, text(3), text(4));
            List<RouterLoad> routers = training.routers();
            assertEquals(List.of("layers.0", "layers.1", "layers.2", "layers.3", "layers.4", "layers.5", "layers.6", "mtp.0"), routers.stream().map(RouterLoad::layer).toList());
            for (RouterLoad router : routers) {
                assertEquals(2L * LENGTH * model.config().numExpertsPerToken(), router.load().stream().mapToLong(Long::longValue).sum(), router.layer());
                assertEquals(0, router.dropped(), router.layer());
            }
            assertTrue(routers.getFirst().bias().isEmpty());
        });
    }

    @Test void theBiasOfAnOverloadedExpertFallsAndThatOfAnIdleOneRises() {
        withModel((model, arena) -> {
            var training = new DeepSeekV4Training(model, RECIPE, arena);
            training.begin(1);
            pass(training, text(5));
            List<RouterLoad> before = training.routers();
            training.updated();
            for (RouterLoad router : before.subList(3, before.size())) {
                Tensor bias = model.parameters().named(router.layer() + ".ffn.gate.bias").value();
                double mean = router.load().stream().mapToLong(Long::longValue).average().orElseThrow();
                for (int expert = 0; expert < router.load().size(); expert++) {
                    float wanted = router.bias().get(expert) - 0.001f * (float) Math.signum(router.load().get(expert) - mean);
                    assertEquals(wanted, bias.getFloat(expert), router.layer() + " expert " + expert + ", load " + router.load());
                }
            }
        });
    }

    /// The gradient is linear in the weight of a term, and the biases have none.
    @Test void gradientsAreThoseOfTheWeightedSum() {
        withModel((model, arena) -> {
            List<TreeMap<String, float[]>> byWeight = new ArrayList<>();
            for (float weight : new float[] {0, 0.5f, 1}) {
                var training = new DeepSeekV4Training(model, new DeepSeekV4Recipe(0, 0, weight, weight, 1), arena);
                training.begin(1);
                byWeight.add(pass(training, text(6)));
            }
            for (String name : List.of("embed.weight", "head.weight", "layers.2.ffn.experts.w1.weight", "layers.6.attn.wkv.weight")) {
                float[] none = byWeight.get(0).get(name);
                float[] half = byWeight.get(1).get(name);
                float[] whole = byWeight.get(2).get(name);
                double largest = 0;
                for (int i = 0; i < none.length; i++) {
                    assertEquals(half[i], 0.5 * (none[i] + whole[i]), 1e-6, name);
                    largest = Math.max(largest, Math.abs(whole[i] - none[i]));
                }
                assertTrue(largest > 1e-4, name);
            }
            assertTrue(byWeight.get(2).keySet().stream().noneMatch(name -> name.endsWith(".gate.bias")));
        });
    }

    @Test void theSecondTokenWeighsLessOnceTheRateDecays() {
        assertEquals(0.3f, RECIPE.mtpWeight(9));
        assertEquals(0.1f, RECIPE.mtpWeight(10));
    }
}
