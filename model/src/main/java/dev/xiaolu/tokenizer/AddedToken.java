package dev.xiaolu.tokenizer;

/// A token that is found in a text as a whole, before anything is split.
///
/// @param id           its number
/// @param content      its text
/// @param special      whether it steers the model and is left out of decoded text on request
/// @param singleWord   whether it counts only where no word character touches it
/// @param lstrip       whether it takes the white space before it
/// @param rstrip       whether it takes the white space behind it
/// @param normalized   whether it is looked for in the normalized text, after the others
public record AddedToken(int id, String content, boolean special, boolean singleWord, boolean lstrip, boolean rstrip, boolean normalized) {}
