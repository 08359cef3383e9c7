package dev.xiaolu.data;

/// One text of a corpus.
///
/// @param name where it came from, for messages: a path, `archive.zip: entry`, `file.jsonl line 17`
/// @param text its bytes, valid UTF-8
public record Document(String name, byte[] text) {}
