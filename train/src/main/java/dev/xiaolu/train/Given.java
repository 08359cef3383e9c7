package dev.xiaolu.train;

import java.util.List;

/// A value as somebody wrote it: a word or a list of words, and where it stands.
///
/// @param key   the dotted key as written
/// @param words one word, or the elements of a list
/// @param list  whether it was written as a list
/// @param where for example `command line` or `my.yaml line 7`
record Given(String key, List<String> words, boolean list, String where) {
    /// The value as one text, for messages.
    String text() {
        return list ? "[" + String.join(", ", words) + "]" : words.getFirst();
    }
}
