package dev.xiaolu.train;

/// The sequences of every step, as a function of step and place; remembers nothing. Thread-safe.
@FunctionalInterface
public interface SequenceSource {
    /// One sequence.
    ///
    /// @param tokens its token ids, one more than the sequence length: the last is only a target
    /// @param first  for each position but the last, the first position that it sees: where its document starts
    record Sequence(int[] tokens, int[] first) {}

    /// The sequence at place `index` (from 0) of step `step` (from 1), of `length` tokens and one more.
    Sequence at(long step, int index, int length);
}
