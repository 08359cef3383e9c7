package dev.xiaolu.tokenizer;

import java.util.Arrays;

/// How often each word occurs in a corpus. Not thread-safe.
final class WordCounts implements WordSink {
    final ByteMap words = new ByteMap(1 << 14);
    private long[] counts = new long[1 << 14];

    @Override public void accept(byte[] text, int from, int to) {
        int hash = ByteMap.hash(text, from, to);
        int word = words.find(text, from, to, hash);
        if (word < 0) {
            word = words.add(text, from, to, hash);
            if (word == counts.length) {
                counts = Arrays.copyOf(counts, word * 2);
            }
        }
        counts[word]++;
    }

    long count(int word) {
        return counts[word];
    }
}
