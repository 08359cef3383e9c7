package dev.xiaolu.train;

import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.LanguageModel;
import dev.xiaolu.nn.Losses;
import dev.xiaolu.op.Mean;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;

/// How well a model predicts text it is not trained on.
///
/// @param loss   mean cross-entropy, nats per token
/// @param tokens tokens predicted
/// @param bytes  bytes of text that these tokens stand for
public record Evaluation(double loss, long tokens, long bytes) {
    /// Bits needed for a byte of text: the loss in bits, spread over the bytes; comparable between tokenizers.
    public double bitsPerByte() {
        return bytes == 0 ? Double.NaN : loss * tokens / bytes / LN2;
    }

    private static final double LN2 = 0.6931471805599453;        // ln 2, nearest double
    private static final double UNIT = 0x1p-40;

    /// Evaluates whole sequences, each `[length + 1]` tokens, in the order given, one pass each; sequence losses are summed as integers. Runs on the current [Compute].
    public static Evaluation of(LanguageModel model, Iterable<SequenceSource.Sequence> sequences, long bytes) {
        Scratch scratch = Compute.current().scratch();
        long total = 0;
        long tokens = 0;
        for (SequenceSource.Sequence sequence : sequences) {
            int length = sequence.tokens().length - 1;
            Scratch.Mark before = scratch.mark();
            int[][] one = {sequence.tokens()};
            Batch batch = Batch.of(scratch, one, new int[][] {sequence.first()}, length);
            Tensor losses = Losses.perToken(model.forward(batch), Batch.targets(scratch, one, length));
            double mean = Compute.one(new Mean(1), losses).getFloat(0);
            total += Math.round(mean * length / UNIT);
            tokens += length;
            scratch.reset(before);
        }
        return new Evaluation(tokens == 0 ? Double.NaN : total * UNIT / tokens, tokens, bytes);
    }
}
