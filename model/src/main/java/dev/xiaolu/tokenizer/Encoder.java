package dev.xiaolu.tokenizer;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;

/// Turns texts into tokens with memory of its own: the words it has seen, and room for the ids. One thread at a time; make one for each thread.
///
/// Text comes as UTF-8; what is not valid is read as U+FFFD, one for each longest start of a sequence that could have become valid,
/// as Python's `bytes.decode('utf-8', 'replace')` does. After warm-up a call makes no garbage as long as nothing is normalized or mended.
public final class Encoder {
    /// Longer words are rarely met again.
    private static final int LONGEST_CACHED = 48;
    private static final int MOST_CACHED = 1 << 16;
    private static final int MOST_CACHED_IDS = 1 << 18;

    private final Parts parts;
    private final AddedTokens.Search rawSearch;
    private final AddedTokens.Search normalizedSearch;
    private final WordSink splitter;
    private final BpeMerger merger;
    private final ByteMap words = new ByteMap(1 << 10);
    private int[] wordEnds = new int[1 << 10];          // where the ids of each cached word end
    private int[] wordIds = new int[1 << 12];
    private int[] ids = new int[256];
    private int size;
    private byte[] copy = new byte[0];

    /// What an encoder needs of its tokenizer.
    record Parts(TextNormalizer normalizer, AddedTokens raw, AddedTokens normalized, Stage splitter, BpeModel model, int[] before, int[] after) {
        /// The same without added tokens.
        Parts plain() {
            var none = new AddedTokens(List.of(), UnaryOperator.identity());
            return new Parts(normalizer, none, none, splitter, model, before, after);
        }
    }

    Encoder(Parts parts) {
        this.parts = parts;
        rawSearch = parts.raw().new Search();
        normalizedSearch = parts.normalized().new Search();
        merger = new BpeMerger(parts.model());
        splitter = parts.splitter().into(this::word);
    }

    /// Encodes `utf8` from `from` to `to` and gives the number of tokens, which then can be read with [#id] and [#copyTo].
    /// With `addSpecial` also the tokens that the tokenizer puts before and behind a text.
    public int encode(byte[] utf8, int from, int to, boolean addSpecial) {
        java.util.Objects.checkFromToIndex(from, to, utf8.length);
        size = 0;
        if (addSpecial) {
            append(parts.before());
        }
        if (from < to) {
            if (Utf8.firstFault(utf8, from, to) < to) {
                byte[] mended = Utf8.mend(utf8, from, to);
                raw(mended, 0, mended.length);
            } else {
                raw(utf8, from, to);
            }
        }
        if (addSpecial) {
            append(parts.after());
        }
        return size;
    }

    /// Encodes a text, in which half a surrogate pair reads as U+FFFD.
    public int encode(String text, boolean addSpecial) {
        byte[] utf8 = Utf8.bytesOf(text);
        return encode(utf8, 0, utf8.length, addSpecial);
    }

    /// Encodes what remains in a buffer, whose position stays where it is.
    public int encode(ByteBuffer utf8, boolean addSpecial) {
        int length = utf8.remaining();
        if (utf8.hasArray()) {
            int from = utf8.arrayOffset() + utf8.position();
            return encode(utf8.array(), from, from + length, addSpecial);
        }
        if (copy.length < length) {
            copy = new byte[Math.max(length, (int) Math.min(Integer.MAX_VALUE - 16, copy.length * 2L))];
        }
        utf8.get(utf8.position(), copy, 0, length);
        return encode(copy, 0, length, addSpecial);
    }

    /// The number of tokens of the last text.
    public int count() {
        return size;
    }

    /// A token of the last text.
    public int id(int index) {
        return ids[java.util.Objects.checkIndex(index, size)];
    }

    /// The tokens of the last text as a new array.
    public int[] ids() {
        return Arrays.copyOf(ids, size);
    }

    /// Copies the tokens of the last text to `target` from `at` on.
    public void copyTo(int[] target, int at) {
        System.arraycopy(ids, 0, target, at, size);
    }

    /// Finds the added tokens that are looked for in the text as it came.
    private void raw(byte[] text, int from, int to) {
        if (parts.raw().isEmpty()) {
            normalized(text, from, to);
            return;
        }
        rawSearch.start(text, from, to);
        while (rawSearch.next()) {
            if (rawSearch.textFrom < rawSearch.textTo) {
                normalized(text, rawSearch.textFrom, rawSearch.textTo);
            }
            if (rawSearch.token != null) {
                append(rawSearch.token.id());
            }
        }
    }

    /// Normalizes, then finds the added tokens that are looked for in normalized text.
    private void normalized(byte[] text, int from, int to) {
        if (!parts.normalizer().isNone()) {
            byte[] piece = from == 0 && to == text.length ? text : Arrays.copyOfRange(text, from, to);
            byte[] changed = parts.normalizer().apply(piece);
            if (changed != piece) {
                tokens(changed, 0, changed.length);
                return;
            }
        }
        tokens(text, from, to);
    }

    private void tokens(byte[] text, int from, int to) {
        if (parts.normalized().isEmpty()) {
            if (from < to) {
                splitter.accept(text, from, to);
            }
            return;
        }
        normalizedSearch.start(text, from, to);
        while (normalizedSearch.next()) {
            if (normalizedSearch.textFrom < normalizedSearch.textTo) {
                splitter.accept(text, normalizedSearch.textFrom, normalizedSearch.textTo);
            }
            if (normalizedSearch.token != null) {
                append(normalizedSearch.token.id());
            }
        }
    }

    /// Adds the tokens of one word, from memory if it has been met.
    private void word(byte[] text, int from, int to) {
        if (to - from > LONGEST_CACHED) {
            appendMerged(merger.merge(text, from, to));
            return;
        }
        int hash = ByteMap.hash(text, from, to);
        int number = words.find(text, from, to, hash);
        if (number >= 0) {
            int start = number == 0 ? 0 : wordEnds[number - 1];
            int count = wordEnds[number] - start;
            if (size + count > ids.length) {
                grow(count);
            }
            int[] target = ids;
            int at = size;
            for (int i = 0; i < count; i++) {                  // one to three as a rule: a loop beats arraycopy
                target[at + i] = wordIds[start + i];
            }
            size = at + count;
            return;
        }
        int count = merger.merge(text, from, to);
        remember(text, from, to, hash, count);
        appendMerged(count);
    }

    private void remember(byte[] text, int from, int to, int hash, int count) {
        int end = words.count() == 0 ? 0 : wordEnds[words.count() - 1];
        if (words.count() == MOST_CACHED || end + count > MOST_CACHED_IDS) {
            words.clear();
            end = 0;
        }
        int number = words.add(text, from, to, hash);
        if (number == wordEnds.length) {
            wordEnds = Arrays.copyOf(wordEnds, number * 2);
        }
        if (end + count > wordIds.length) {
            wordIds = Arrays.copyOf(wordIds, wordIds.length * 2);
        }
        System.arraycopy(merger.ids(), 0, wordIds, end, count);
        wordEnds[number] = end + count;
    }

    private void appendMerged(int count) {
        if (size + count > ids.length) {
            grow(count);
        }
        System.arraycopy(merger.ids(), 0, ids, size, count);
        size += count;
    }

    private void append(int id) {
        if (size == ids.length) {
            grow(1);
        }
        ids[size++] = id;
    }

    private void append(int[] some) {
        for (int id : some) {
            append(id);
        }
    }

    private void grow(int more) {
        ids = Arrays.copyOf(ids, (int) Math.min(Integer.MAX_VALUE - 16, Math.max((long) size + more, ids.length * 2L)));
    }
}
