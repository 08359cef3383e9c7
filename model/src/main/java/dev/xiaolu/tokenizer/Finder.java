package dev.xiaolu.tokenizer;

/// Searches for a pattern; belongs to one thread.
interface Finder {
    /// Finds the first match that begins at `start` or later within `text` from `from` to `to`: its start and end in `match[0]` and `match[1]`.
    /// What lies before `start` can be looked back at, what lies outside the range is not there. False when there is none.
    boolean find(byte[] text, int from, int start, int to, int[] match);

    /// Searches for a fixed text.
    static Finder literal(byte[] wanted) {
        return (text, _, start, to, match) -> {
            for (int at = start; at <= to - wanted.length; at++) {
                if (java.util.Arrays.equals(text, at, at + wanted.length, wanted, 0, wanted.length)) {
                    match[0] = at;
                    match[1] = at + wanted.length;
                    return true;
                }
            }
            return false;
        };
    }
}
