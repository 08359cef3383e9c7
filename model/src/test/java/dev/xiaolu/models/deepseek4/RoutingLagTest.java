package dev.xiaolu.models.deepseek4;

import static dev.xiaolu.models.deepseek4.TrainingPass.text;
import static dev.xiaolu.models.deepseek4.TrainingPass.withNarrow;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.RouterLoad;
import dev.xiaolu.op.Cast;
import dev.xiaolu.shape.DType;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/// Experts chosen by weights that are older than those that use them.
class RoutingLagTest {
    private static final int LAG = 2;
    private static final int STEPS = 5;
    private static final int SEQUENCES = 2;
    private static final int LENGTH = 40;
    private static final DeepSeekV4Recipe RECIPE = new DeepSeekV4Recipe(1e-4f, 0.001f, 0.3f, 0.1f, 4).withIndexers(1, 1).withRoutingLag(LAG);

    /// What one step was and did.
    private record Step(Map<String, float[]> weights, Map<String, float[]> losses, List<RouterLoad> routers) {}

    private static int[] sequence(long step, int index) {
        return text((int) (100 * step + index), LENGTH);
    }

    private static DeepSeekV4Training training(DeepSeekV4 model, DeepSeekV4Recipe recipe, Arena arena) {
        return new DeepSeekV4Training(model, recipe, SEQUENCES * LENGTH, arena);
    }

    /// Steps `from` to `to`; the update is a nudge that depends on the gradients, large enough to turn choices over. `passes` cuts a step into passes of one sequence.
    private static List<Step> train(DeepSeekV4 model, DeepSeekV4Training training, int from, int to, boolean passes) {
        List<Step> steps = new ArrayList<>();
        for (int step = from; step <= to; step++) {
            training.begin(step);
            Map<String, float[]> weights = values(model);
            Map<String, float[]> found = passes ? joined(TrainingPass.of(training, 1, 1, sequence(step, 1)), TrainingPass.of(training, 0, 1, sequence(step, 0)))
                    : TrainingPass.of(training, 0, 2, sequence(step, 0), sequence(step, 1));
            for (int index = SEQUENCES - 1; index >= 0 && passes; index--) {
                foresee(training, step, index, sequence(step + LAG, index));
            }
            if (!passes) {
                foresee(training, step, 0, sequence(step + LAG, 0), sequence(step + LAG, 1));
            }
            steps.add(new Step(weights, found, training.routers()));
            model.parameters().all().forEach(parameter -> nudge(parameter.value(), found.get(parameter.name())));
            training.updated();
        }
        return steps;
    }

    private static void foresee(DeepSeekV4Training training, int step, int firstSequence, int[]... sequences) {
        assertEquals(LAG, training.lead());
        var before = Compute.current().scratch().mark();
        training.foresee(TrainingPass.batch(sequences), TrainingPass.targets(sequences), firstSequence);
        Compute.current().scratch().reset(before);
    }

    private static Map<String, float[]> joined(Map<String, float[]> second, Map<String, float[]> first) {
        var both = new TreeMap<String, float[]>();
        first.forEach((name, values) -> {
            float[] all = Arrays.copyOf(values, 2 * values.length);
            System.arraycopy(second.get(name), 0, all, values.length, values.length);
            both.put(name, all);
        });
        return both;
    }

    private static void nudge(Tensor value, float[] gradients) {
        long size = value.shape().size();
        for (int i = 0; gradients != null && i < size; i++) {
            float gradient = gradients[i] + gradients[(int) size + i];
            value.data().setAtIndex(JAVA_FLOAT, i, value.data().getAtIndex(JAVA_FLOAT, i) - 0.05f * Math.signum(gradient));
        }
    }

    private static Map<String, float[]> values(DeepSeekV4 model) {
        var values = new HashMap<String, float[]>();
        model.parameters().all().forEach(parameter -> values.put(parameter.name(), parameter.value().toFloats()));
        return values;
    }

    private static void put(Map<String, float[]> values, DeepSeekV4 model) {
        model.parameters().all().forEach(parameter -> parameter.value().data().copyFrom(MemorySegment.ofArray(values.get(parameter.name()))));
    }

    private static void sameBits(Map<String, float[]> wanted, Map<String, float[]> found) {
        assertEquals(wanted.keySet(), found.keySet());
        wanted.forEach((name, values) -> assertArrayEquals(values, found.get(name), name));
    }

    /// Each step again by hand: the model with the weights of two steps before chooses, and today's weights meet that choice.
    @Test void theExpertsAreThoseThatTheWeightsOfTwoStepsBeforeChooseAndTheirWeightsAreOfToday() {
        withNarrow(Rounding.NONE, (model, arena) -> {
            List<Step> steps = train(model, training(model, RECIPE, arena), 1, STEPS, false);
            for (int step = LAG + 1; step <= STEPS; step++) {
                put(steps.get(step - 1 - LAG).weights, model);
                Map<String, int[]> chosen = choices(model, step);
                Map<String, long[]> load = new TreeMap<>();
                chosen.forEach((layer, experts) -> {
                    load.put(layer, new long[8]);
                    Arrays.stream(experts).forEach(expert -> load.get(layer)[expert]++);
                });
                for (RouterLoad router : steps.get(step - 1).routers) {
                    assertArrayEquals(load.get(router.layer()), router.load().stream().mapToLong(Long::longValue).toArray(), router.layer() + " in step " + step);
                }
                put(steps.get(step - 1).weights, model);
                assertNotEquals(asLists(chosen), asLists(choices(model, step)), "today's weights choose otherwise");
                sameBits(steps.get(step - 1).losses, withRoutes(model, arena, step, chosen));
            }
        });
    }

    private static Map<String, List<Integer>> asLists(Map<String, int[]> chosen) {
        var lists = new TreeMap<String, List<Integer>>();
        chosen.forEach((layer, experts) -> lists.put(layer, Arrays.stream(experts).boxed().toList()));
        return lists;
    }

    /// What every router chooses for the sequences of `step` with the weights as they are, `[tokens, count]`.
    private static Map<String, int[]> choices(DeepSeekV4 model, int step) {
        var chosen = new TreeMap<String, int[]>();
        var objective = new Objective(RECIPE.withoutTerms(), step, 1, (layer, experts, _) -> chosen.put(layer, experts.data().asSlice(0, experts.type().bytes()).toArray(JAVA_INT)), null);
        int[][] sequences = {sequence(step, 0), sequence(step, 1)};
        Batch batch = TrainingPass.batch(sequences);
        Tensor streams = model.streams(batch, objective);
        model.predicted(streams, new Batch(TrainingPass.targets(sequences), batch.positions(), batch.first(), batch.last()), objective);
        return chosen;
    }

    /// Losses and gradients of a step whose routes are these.
    private static Map<String, float[]> withRoutes(DeepSeekV4 model, Arena arena, int step, Map<String, int[]> chosen) {
        DeepSeekV4Training training = training(model, RECIPE, arena);
        training.state().forEach((name, tensor) -> {
            if (name.equals("foreseen.steps")) {
                tensor.data().setAtIndex(JAVA_LONG, step % LAG, step);
            } else {
                tensor.at(step % LAG).data().copyFrom(MemorySegment.ofArray(chosen.get(name.substring("foreseen.".length()))));
            }
        });
        training.begin(step);
        return TrainingPass.of(training, 0, 2, sequence(step, 0), sequence(step, 1));
    }

    @Test void theFirstStepsChooseForThemselves() {
        withNarrow(Rounding.NONE, (model, arena) -> {
            Map<String, float[]> start = values(model);
            List<Step> lagging = train(model, training(model, RECIPE, arena), 1, LAG, false);
            put(start, model);
            DeepSeekV4Training own = training(model, RECIPE.withRoutingLag(0), arena);
            own.begin(1);
            sameBits(lagging.getFirst().losses, TrainingPass.of(own, 0, 2, sequence(1, 0), sequence(1, 1)));
        });
    }

    @Test void anyCutIntoPassesGivesTheSameBits() {
        withNarrow(Rounding.NONE, (model, arena) -> {
            Map<String, float[]> start = values(model);
            List<Step> whole = train(model, training(model, RECIPE, arena), 1, 4, false);
            put(start, model);
            List<Step> cut = train(model, training(model, RECIPE, arena), 1, 4, true);
            for (int step = 0; step < 4; step++) {
                sameBits(whole.get(step).losses, cut.get(step).losses);
            }
        });
    }

    @Test void aRunThatGoesOnFromItsSavedStateEndsInTheSameBits() {
        withNarrow(Rounding.NONE, (model, arena) -> {
            Map<String, float[]> start = values(model);
            train(model, training(model, RECIPE, arena), 1, STEPS, false);
            Map<String, float[]> wanted = values(model);
            put(start, model);
            DeepSeekV4Training before = training(model, RECIPE, arena);
            train(model, before, 1, 3, false);
            DeepSeekV4Training after = training(model, RECIPE, arena);
            after.state().forEach((name, tensor) -> Compute.into(new Cast(tensor.dtype()), new Tensor[] {before.state().get(name)}, tensor));
            train(model, after, 4, STEPS, false);
            sameBits(wanted, values(model));
        });
    }

    @Test void aStepWhoseRoutesAreNotThereIsRefused() {
        withNarrow(Rounding.NONE, (model, arena) -> {
            DeepSeekV4Training training = training(model, RECIPE, arena);
            training.begin(7);
            var refused = assertThrows(IllegalArgumentException.class, () -> TrainingPass.of(training, 0, 1, sequence(7, 0)));
            assertTrue(refused.getMessage().contains("routes of step 7 are wanted"), refused::getMessage);
            assertEquals(DType.I32, training.state().get("foreseen.layers.3").dtype());
        });
    }
}
