package dev.xiaolu.train;

/// How well the finished model predicts files that it was never trained on.
///
/// @param loss        cross-entropy, nats per token
/// @param bitsPerByte bits for a byte of their text
/// @param tokens      tokens predicted
/// @param bytes       bytes of text that these stand for
/// @param files       held-out documents that they come from
public record HeldOut(double loss, double bitsPerByte, long tokens, long bytes, long files) {}
