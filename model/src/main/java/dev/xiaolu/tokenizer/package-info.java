/// Text to tokens and back.
///
/// [Tokenizer] reads the byte-level BPE of Hugging Face (`tokenizer.json`), [Encoder] turns much text into ids without garbage, [TextStream]
/// turns ids into text as they come, [TokenizerTrainer] learns a new vocabulary.
///
/// A text goes through these steps, each in its own class: bytes that are no UTF-8 are mended ([Utf8]), added tokens are cut out ([AddedTokens]),
/// the rest is normalized ([TextNormalizer]) and cut into words (a [Stage] for each pre-tokenizer: a hand-written [Scanner] where the pattern is
/// known, else a [SplitStage] that runs the pattern itself), and the bytes of each word are merged ([BpeMerger]).
package dev.xiaolu.tokenizer;
