package dev.xiaolu.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class StepPlansTest {
    private static StepPlans plans(String... words) {
        var all = new ArrayList<>(List.of("tiny", "train.sequence_length=32", "train.batch_sequences=4", "train.gradient_leaf_sequences=1"));
        all.addAll(List.of(words));
        return StepPlans.of(ConfigReader.words(all).config().train());
    }

    @Test void withoutStagesEveryStepIsLikeTheOthers() {
        StepPlans plans = plans();
        assertEquals(new StepPlan(4, 1, 1, 32), plans.at(1));
        assertEquals(plans.at(1), plans.at(1000));
        assertEquals(4 * 999, plans.firstSequence(1000));
        assertEquals(128_000, plans.tokensThrough(1000));
    }

    @Test void stagesOfLengthAndBatchGoOnInTheDataWithoutAGap() {
        StepPlans plans = plans("train.sequence_schedule=8@0,32@3", "train.batch_schedule=2@0,4@5");
        assertEquals(List.of(new StepPlan(2, 1, 1, 8), new StepPlan(2, 1, 1, 32), new StepPlan(4, 1, 1, 32)), List.of(plans.at(3), plans.at(4), plans.at(6)));
        assertEquals(List.of(0L, 16L, 48L, 112L, 176L, 304L, 432L), List.of(0L, 1L, 3L, 4L, 5L, 6L, 7L).stream().map(plans::tokensThrough).toList());
        assertEquals(List.of(0L, 2L, 4L, 2L, 4L, 6L, 10L), List.of(1L, 2L, 3L, 4L, 5L, 6L, 7L).stream().map(plans::firstSequence).toList());     // 48 tokens are used up by 2 sequences of 32
    }
}
