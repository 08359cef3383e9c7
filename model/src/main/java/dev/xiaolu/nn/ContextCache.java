package dev.xiaolu.nn;

import static dev.xiaolu.platform.Check.check;
import static dev.xiaolu.platform.Check.checkInput;

import java.util.Collections;
import java.util.Set;
import java.util.WeakHashMap;

/// What a model keeps of the tokens of one sequence, so that more can follow without computing them again. Made by the model that uses it.
///
/// The last [#BACK] tokens can be taken back at any time; to come back from farther away, take a [#mark] first. Owns its memory until [#close]. One thread at a time.
public abstract class ContextCache implements AutoCloseable {
    /// Tokens that [#rewind(int)] can always take back.
    public static final int BACK = 16;

    private final int capacity;
    private final Set<Mark> marks = Collections.newSetFromMap(new WeakHashMap<>());
    private int length;
    private int longest;

    /// An empty cache for up to `capacity` tokens.
    protected ContextCache(int capacity) {
        this.capacity = capacity;
    }

    /// Tokens held.
    public final int length() {
        return length;
    }

    /// Tokens that fit.
    public final int capacity() {
        return capacity;
    }

    /// Refuses a pass that does not continue this context or would not fit; called before its first layer.
    public final void reserve(Batch batch) {
        check(batch.sequences() == 1, "a cache holds one sequence, found a batch of %d", batch.sequences());
        checkInput(length + batch.length() <= capacity, "context: %d tokens and %d more do not fit, wanted at most %d", length, batch.length(), capacity);
        check(batch.length() == 0 || batch.last().getInt(0, 0) == length, "batch: starts at position %s, wanted %d, the tokens that the cache holds", batch.length() == 0 ? "none" : batch.last().getInt(0, 0), length);
    }

    /// Counts the tokens of a pass, after its last layer.
    public final void advance(long tokens) {
        length += (int) tokens;
        longest = Math.max(longest, length);
    }

    /// The most tokens that were held since the start or the last mark gone back to, or before that mark.
    protected final int longest() {
        return longest;
    }

    /// Bytes held, in use or not.
    public abstract long bytes();

    /// This moment, to come back to. Copies what is overwritten later, whose size does not depend on the length of the context, and needs no closing.
    public final Mark mark() {
        var mark = new Mark(this, length, longest, remember());
        marks.add(mark);
        return mark;
    }

    /// Forgets all tokens since `mark`, which stays good. A mark is lost when its cache goes back behind it.
    public final void rewind(Mark mark) {
        check(mark.cache == this, "context: a mark of another cache");
        check(marks.contains(mark), "context: the mark at %d tokens was lost when the cache went back behind it", mark.length);
        mark.restore.run();
        longest = mark.longest;
        shorten(mark.length);
    }

    /// Forgets all tokens from `length` on; a cache may refuse to forget more than the last [#BACK] of the longest context that was held.
    public final void rewind(int length) {
        check(length >= 0 && length <= this.length, "context: back to %d tokens, wanted 0 to %d, the tokens held", length, this.length);
        forget(length);
        shorten(length);
    }

    private void shorten(int length) {
        this.length = length;
        marks.removeIf(mark -> mark.length > length);
    }

    /// Copies what later tokens overwrite; gives what brings it back.
    protected abstract Runnable remember();

    /// Forgets the tokens from `length` on, or refuses to.
    protected abstract void forget(int length);

    @Override public abstract void close();

    /// A moment of a context.
    public static final class Mark {
        private final ContextCache cache;
        private final int length;
        private final int longest;
        private final Runnable restore;

        private Mark(ContextCache cache, int length, int longest, Runnable restore) {
            this.cache = cache;
            this.length = length;
            this.longest = longest;
            this.restore = restore;
        }

        /// Tokens held then.
        public int length() {
            return length;
        }
    }
}
