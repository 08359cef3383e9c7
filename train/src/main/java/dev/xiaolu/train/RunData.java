package dev.xiaolu.train;

import dev.xiaolu.tokenizer.Tokenizer;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/// What a run reads: text as tokens, divided into training and held-out documents, and the tokenizer that made them.
///
/// @param training       the sequences of every step
/// @param heldOut        held-out sequences in a fixed order, each `[length + 1]` tokens
/// @param heldOutFiles   documents that they come from
/// @param tokenizer      text to tokens and back
/// @param tokenizerFiles the tokenizer's files by name, as a checkpoint carries them
/// @param trainingTokens tokens that can be trained on
/// @param description    where the text comes from, for people
/// @param digest         SHA-256 of all tokens, held-out ones too; a run goes on only with the same
public record RunData(SequenceSource training, List<SequenceSource.Sequence> heldOut, long heldOutFiles, Tokenizer tokenizer, Map<String, byte[]> tokenizerFiles,
        long trainingTokens, String description, String digest) {
    /// `count` held-out sequences (0: all), evenly spaced over the files, so that a few stand for all.
    public List<SequenceSource.Sequence> heldOut(int count) {
        int all = heldOut.size();
        return count == 0 || count >= all ? heldOut : IntStream.range(0, count).mapToObj(i -> heldOut.get((int) ((long) i * all / count))).toList();
    }
}
