package dev.xiaolu.tokenizer;

import java.util.OptionalInt;

/// The ids that `tokenizer_config.json` gives a part to play.
record SpecialTokens(OptionalInt bos, OptionalInt eos, OptionalInt pad) {}
