package dev.xiaolu.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class BpeMergerTest {
    /// Words of three letters, so that the same pairs meet again and again.
    private static byte[] word(RandomTexts random, int length) {
        byte[] word = new byte[length];
        for (int i = 0; i < length; i++) {
            word[i] = (byte) ('a' + random.nextInt(3));
        }
        return word;
    }

    /// Random merges over tokens that exist, in a random order of rank: unlike learned ones, a late merge may be needed by an early one.
    private static BpeModel model(RandomTexts random) {
        int[] byteIds = new int[256];
        List<String> tokens = new ArrayList<>();
        for (int b = 0; b < 256; b++) {
            byteIds[b] = b;
            tokens.add(String.valueOf((char) b));
        }
        List<int[]> found = new ArrayList<>();
        List<Integer> usable = new ArrayList<>(List.of((int) 'a', (int) 'b', (int) 'c'));
        for (int i = 0; i < 60; i++) {
            int left = usable.get(random.nextInt(usable.size()));
            int right = usable.get(random.nextInt(usable.size()));
            String whole = tokens.get(left) + tokens.get(right);
            int id = tokens.indexOf(whole);
            if (id < 0) {
                id = tokens.size();
                tokens.add(whole);
                usable.add(id);
            }
            found.add(random.nextInt(found.size() + 1), new int[] {left, right, id});
        }
        var merges = new PairMap(8);
        for (int rank = 0; rank < found.size(); rank++) {
            merges.put(PairMap.key(found.get(rank)[0], found.get(rank)[1]), (long) rank << 32 | found.get(rank)[2]);
        }
        return new BpeModel(byteIds, merges, null, null, -1, false);
    }

    /// The definition: while any pair can merge, the one of lowest rank does, the leftmost of equal ones.
    private static int[] defined(BpeModel model, byte[] word) {
        List<Integer> ids = new ArrayList<>();
        for (byte b : word) {
            ids.add(model.byteIds()[b]);
        }
        while (true) {
            long best = Long.MAX_VALUE;
            int place = -1;
            for (int i = 0; i + 1 < ids.size(); i++) {
                long found = model.merges().find(ids.get(i), ids.get(i + 1));
                if (found >= 0 && found >>> 32 < best >>> 32) {
                    best = found;
                    place = i;
                }
            }
            if (place < 0) {
                return ids.stream().mapToInt(Integer::intValue).toArray();
            }
            ids.set(place, (int) best);
            ids.remove(place + 1);
        }
    }

    @Test void mergesAsDefinedAtEveryLength() {
        for (long seed = 1; seed <= 60; seed++) {
            var random = new RandomTexts(seed);
            BpeModel model = model(random);
            var merger = new BpeMerger(model);
            for (int length : new int[] {1, 2, 3, 10, 40, 95, 96, 97, 98, 150, 300, 600}) {
                byte[] word = word(random, length);
                int count = merger.merge(word, 0, length);
                long shown = seed;
                assertArrayEquals(defined(model, word), Arrays.copyOf(merger.ids(), count), () -> "seed " + shown + " length " + length);
            }
        }
    }

    /// A megabyte without a gap takes well under a minute; by scanning for the best pair it would take hours.
    @Test void longWordsAreMergedInTime() {
        var merger = new BpeMerger(model(new RandomTexts(5)));
        byte[] word = word(new RandomTexts(6), 1 << 20);
        int count = merger.merge(word, 0, word.length);
        assertTrue(count > 0 && count < word.length);
    }
}
