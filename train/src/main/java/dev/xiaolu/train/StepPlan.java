package dev.xiaolu.train;

import dev.xiaolu.platform.Faults;

/// How the sequences of one step are divided.
///
/// @param batchSequences    sequences of a step
/// @param leafSequences     sequences of a leaf of work; part of the definition of the result
/// @param microBatchLeaves  leaves computed in one pass; changes memory and speed, never a bit
/// @param sequenceLength    tokens of a sequence
public record StepPlan(int batchSequences, int leafSequences, int microBatchLeaves, int sequenceLength) {
    public StepPlan {
        new Faults("train")
                .positive("batch_sequences", batchSequences)
                .positive("gradient_leaf_sequences", leafSequences)
                .positive("micro_batch_leaves", microBatchLeaves)
                .positive("sequence_length", sequenceLength)
                .that(leafSequences < 1 || batchSequences % leafSequences == 0, "gradient_leaf_sequences is %d, wanted a divisor of batch_sequences (%d)", leafSequences, batchSequences)
                .throwIfAny();
    }

    /// Leaves of a step.
    public int leaves() {
        return batchSequences / leafSequences;
    }

    /// Tokens of a step.
    public long tokens() {
        return (long) batchSequences * sequenceLength;
    }
}
