package dev.xiaolu.tokenizer;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/// Learns merges from counted words: again and again the pair of neighbours with the highest count becomes a token.
///
/// Equal counts are decided by the ids, so the result depends on the counts of the words alone: not on the order in which they came, and
/// on nothing that runs at the same time. After each merge only the words that hold the pair are touched. Ids 0 to 255 are the bytes in the
/// order of [ByteAlphabet#ORDER]. Source: Sennrich et al. 2016, arXiv:1508.07909. Not thread-safe.
final class MergeLearner {
    /// Two tokens that become one.
    record Merge(int left, int right, int id) {}

    private final Set<String> reserved;
    private final List<String> tokens = new ArrayList<>();                // as in the file, by id
    private final ByteMap known = new ByteMap(1 << 12);                   // the bytes of the tokens, by id
    private final List<Merge> merges = new ArrayList<>();

    private final int[] symbols;                                          // of all words, one after another; a word only shrinks
    private final int[] starts;
    private final int[] lengths;
    private final long[] wordCounts;

    private final PairMap pairNumbers = new PairMap(1 << 14);
    private int pairs;
    private long[] keys = new long[1 << 14];
    private long[] counts = new long[1 << 14];
    private int[] lastWord = new int[1 << 14];                            // the word noted last for each pair
    private int[] firstNote = new int[1 << 14];                           // head of the list of words that may hold the pair
    private int[] noteWord = new int[1 << 16];
    private int[] noteNext = new int[1 << 16];
    private int notes = 1;
    private boolean[] raised = new boolean[1 << 14];
    private int[] raisedPairs = new int[1 << 10];
    private int raisedCount;
    private final PairHeap heap = new PairHeap();

    /// Over the words of a corpus; no merge makes a token that is written like one of `reserved`.
    MergeLearner(WordCounts words, Set<String> reserved) {
        this.reserved = reserved;
        int[] byteIds = new int[256];
        for (int id = 0; id < 256; id++) {
            byte[] one = {ByteAlphabet.ORDER[id]};
            byteIds[one[0] & 0xFF] = id;
            addToken(one);
        }
        int count = words.words.count();
        starts = new int[count];
        lengths = new int[count];
        wordCounts = new long[count];
        symbols = new int[words.words.keyBytes()];
        byte[] bytes = words.words.keys();
        for (int i = 0; i < symbols.length; i++) {
            symbols[i] = byteIds[bytes[i] & 0xFF];
        }
        for (int word = 0; word < count; word++) {
            starts[word] = words.words.keyStart(word);
            lengths[word] = words.words.keyEnd(word) - starts[word];
            wordCounts[word] = words.count(word);
            for (int i = starts[word]; i < starts[word] + lengths[word] - 1; i++) {
                raise(symbols[i], symbols[i + 1], word);
            }
        }
        pushRaised();
    }

    /// The tokens as they are written in the file, by id.
    List<String> tokens() {
        return tokens;
    }

    List<Merge> merges() {
        return merges;
    }

    /// Learns until there are `size` tokens, or until no pair occurs at least `minCount` times.
    void learn(int size, long minCount) {
        while (tokens.size() < size && !heap.isEmpty()) {
            long count = heap.topCount();
            long key = heap.topPair();
            heap.pop();
            int pair = (int) pairNumbers.find(key);
            if (counts[pair] != count) {                                  // noted before some of its places were taken by other merges
                if (counts[pair] >= minCount) {
                    heap.push(counts[pair], key);
                }
                continue;
            }
            if (count < minCount) {
                return;
            }
            merge(pair, (int) (key >>> 32), (int) key);
        }
    }

    private void merge(int pair, int left, int right) {
        String token = tokens.get(left) + tokens.get(right);
        if (reserved.contains(token)) {
            counts[pair] = 0;
            return;
        }
        byte[] bytes = ByteAlphabet.bytesOrNull(token);
        int id = known.find(bytes, 0, bytes.length, ByteMap.hash(bytes, 0, bytes.length));     // two ways may lead to one token
        if (id < 0) {
            id = addToken(bytes);
        }
        merges.add(new Merge(left, right, id));
        for (int note = firstNote[pair]; note != 0; note = noteNext[note]) {
            mergeIn(noteWord[note], left, right, id);
        }
        counts[pair] = 0;
        firstNote[pair] = 0;
        lastWord[pair] = -1;
        pushRaised();
    }

    private int addToken(byte[] bytes) {
        tokens.add(ByteAlphabet.characters(bytes, 0, bytes.length));
        return known.add(bytes, 0, bytes.length, ByteMap.hash(bytes, 0, bytes.length));
    }

    private void mergeIn(int word, int left, int right, int id) {
        int start = starts[word];
        int end = start + lengths[word];
        long count = wordCounts[word];
        int write = start;
        for (int read = start; read < end; ) {
            if (symbols[read] != left || read + 1 == end || symbols[read + 1] != right) {
                symbols[write++] = symbols[read++];
                continue;
            }
            if (write > start) {
                lower(symbols[write - 1], left, count);
                raise(symbols[write - 1], id, word);
            }
            if (read + 2 < end) {
                lower(right, symbols[read + 2], count);
                raise(id, symbols[read + 2], word);
            }
            symbols[write++] = id;
            read += 2;
        }
        lengths[word] = write - start;
    }

    private void lower(int left, int right, long count) {
        counts[(int) pairNumbers.find(left, right)] -= count;
    }

    private void raise(int left, int right, int word) {
        long key = PairMap.key(left, right);
        int pair = (int) pairNumbers.find(key);
        if (pair < 0) {
            pair = newPair(key);
        }
        counts[pair] += wordCounts[word];
        if (lastWord[pair] != word) {
            lastWord[pair] = word;
            if (notes == noteWord.length) {
                noteWord = Arrays.copyOf(noteWord, notes * 2);
                noteNext = Arrays.copyOf(noteNext, notes * 2);
            }
            noteWord[notes] = word;
            noteNext[notes] = firstNote[pair];
            firstNote[pair] = notes++;
        }
        if (!raised[pair]) {
            raised[pair] = true;
            if (raisedCount == raisedPairs.length) {
                raisedPairs = Arrays.copyOf(raisedPairs, raisedCount * 2);
            }
            raisedPairs[raisedCount++] = pair;
        }
    }

    private int newPair(long key) {
        if (pairs == keys.length) {
            keys = Arrays.copyOf(keys, pairs * 2);
            counts = Arrays.copyOf(counts, pairs * 2);
            lastWord = Arrays.copyOf(lastWord, pairs * 2);
            firstNote = Arrays.copyOf(firstNote, pairs * 2);
            raised = Arrays.copyOf(raised, pairs * 2);
        }
        keys[pairs] = key;
        lastWord[pairs] = -1;
        pairNumbers.put(key, pairs);
        return pairs++;
    }

    private void pushRaised() {
        for (int i = 0; i < raisedCount; i++) {
            int pair = raisedPairs[i];
            raised[pair] = false;
            if (counts[pair] > 0) {
                heap.push(counts[pair], keys[pair]);
            }
        }
        raisedCount = 0;
    }
}
