package dev.xiaolu.tokenizer;

/// Byte-pair encoding as data: which token each byte is, and which pairs of tokens become one, the lowest rank first. Immutable, thread-safe.
///
/// Source: Sennrich et al. 2016, arXiv:1508.07909; over bytes: Radford et al. 2019.
///
/// @param byteIds    256 ids, -1 for a byte that has no token
/// @param merges     from a pair to the rank in the high half and the new id in the low half
/// @param whole      words that are looked up before anything is merged, null when the model does not ask for it
/// @param wholeIds   the ids of those words, by their number
/// @param unknown    the id that stands for bytes without a token, or -1
/// @param fuse       whether one such id stands for a whole run of them
record BpeModel(int[] byteIds, PairMap merges, ByteMap whole, int[] wholeIds, int unknown, boolean fuse) {}
