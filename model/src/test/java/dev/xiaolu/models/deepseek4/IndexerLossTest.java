package dev.xiaolu.models.deepseek4;

import static dev.xiaolu.models.deepseek4.TrainingPass.PLAIN;
import static dev.xiaolu.models.deepseek4.TrainingPass.text;
import static dev.xiaolu.models.deepseek4.TrainingPass.withModel;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.nn.Losses;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Difference;
import dev.xiaolu.testkit.Golden;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The indexers learn where attention goes, and nothing else learns from that.
class IndexerLossTest {
    private static final String INDEXER = ".indexer.";
    private static final DeepSeekV4Recipe DENSE = PLAIN.withIndexers(1, 5);
    private static final DeepSeekV4Recipe SPARSE = PLAIN.withIndexers(1, 0);

    private static Map<String, float[]> pass(DeepSeekV4 model, Arena arena, DeepSeekV4Recipe recipe, int leaves, int[]... sequences) {
        var training = new DeepSeekV4Training(model, recipe, arena);
        training.begin(5);
        return TrainingPass.of(training, 0, leaves, sequences);
    }

    @ParameterizedTest
    @ValueSource(strings = {"dense", "sparse"})
    void lossAndGradientsAreThoseOfPyTorch(String name) {
        Golden golden = Golden.open("deepseek4_indexer");
        int[][] tokens = StreamSupport.stream(TrainingPass.MODEL.json("batch.json").spliterator(), false)
                .map(row -> StreamSupport.stream(row.spliterator(), false).mapToInt(token -> token.asInt()).toArray()).toArray(int[][]::new);
        withModel((model, arena) -> {
            DeepSeekV4Recipe recipe = name.equals("dense") ? DENSE : SPARSE;
            Map<String, float[]> apart = pass(model, arena, recipe, 2, tokens);
            Map<String, Tensor> recorded = golden.tensors(name);
            assertArrayEquals(recorded.get("next_token").toFloats(), apart.get("loss"), 1e-5f);
            assertArrayEquals(recorded.get("index_loss").toFloats(), apart.get("indexer_loss"), 1e-5f);
            Map<String, float[]> together = pass(model, arena, recipe, 1, tokens);
            recorded.forEach((tensor, wanted) -> {
                if (tensor.contains(INDEXER)) {
                    Difference.assertRelativeOfNorms(2e-4, tensor, wanted, Tensor.of(arena, wanted.shape(), together.get(tensor)));
                }
            });
            golden.json("gradient_norms.json").get(name).properties().forEach(entry -> {
                double norm = 0;
                for (float value : together.get(entry.getKey())) {
                    norm += (double) value * value;
                }
                assertEquals(entry.getValue().asDouble(), Math.sqrt(norm), 3e-4 * entry.getValue().asDouble(), entry.getKey());
            });
        });
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 5})
    void everythingElseHasTheGradientsThatItHasWithoutTheLoss(long denseSteps) {
        withModel((model, arena) -> {
            Map<String, float[]> with = pass(model, arena, PLAIN.withIndexers(0.7f, denseSteps), 2, text(1, 64), text(2, 64));
            Map<String, float[]> without = pass(model, arena, PLAIN.withIndexers(0, denseSteps), 2, text(1, 64), text(2, 64));
            assertTrue(without.keySet().stream().noneMatch(name -> name.contains("indexer")), without.keySet()::toString);
            var learned = new TreeMap<>(with);
            learned.keySet().removeAll(without.keySet());
            assertEquals(1 + 3 * 6, learned.size(), () -> "the loss and six tensors of three indexers, found " + learned.keySet());
            without.forEach((name, values) -> assertArrayEquals(values, with.get(name), name));
        });
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 5})
    void eachLeafHasTheLossAndGradientsThatItHasAlone(long denseSteps) {
        withModel((model, arena) -> {
            DeepSeekV4Recipe recipe = PLAIN.withIndexers(0.7f, denseSteps);
            Map<String, float[]> together = pass(model, arena, recipe, 2, text(3, 50), text(4, 50));
            Map<String, float[]> first = pass(model, arena, recipe, 1, text(3, 50));
            Map<String, float[]> second = pass(model, arena, recipe, 1, text(4, 50));
            together.forEach((name, values) -> {
                assertArrayEquals(first.get(name), Arrays.copyOf(values, values.length / 2), name);
                assertArrayEquals(second.get(name), Arrays.copyOfRange(values, values.length / 2, values.length), name);
            });
        });
    }

    @Test void attentionIsThatOfTheModelOnceItIsSparseAndAnotherBefore() {
        withModel((model, arena) -> {
            int[] tokens = text(5, 64);
            float[] wanted = Losses.perLeaf(model.forward(TrainingPass.batch(tokens)), TrainingPass.targets(tokens), 1).toFloats();
            var training = new DeepSeekV4Training(model, DENSE, arena);
            training.begin(5);
            assertFalse(Arrays.equals(wanted, TrainingPass.of(training, 0, 1, tokens).get("loss")));
            training.begin(6);
            assertArrayEquals(wanted, TrainingPass.of(training, 0, 1, tokens).get("loss"));
        });
    }

    /// With as few entries as the indexer may choose, choosing and seeing all are one.
    @Test void denseAndSparseAreOneWhereEveryEntryIsChosen() {
        withModel((model, arena) -> {
            Map<String, float[]> dense = pass(model, arena, DENSE, 1, text(6, 35));
            Map<String, float[]> sparse = pass(model, arena, SPARSE, 1, text(6, 35));
            assertEquals(dense.keySet(), sparse.keySet());
            dense.forEach((name, values) -> assertArrayEquals(values, sparse.get(name), name));
        });
    }

    @Test void aSequenceWithoutAnEntryTeachesNothing() {
        withModel((model, arena) -> {
            Set<String> names = pass(model, arena, DENSE, 1, text(7, 3)).keySet().stream().filter(name -> name.contains("indexer")).collect(Collectors.toSet());
            assertEquals(Set.of(), names);
        });
    }
}
