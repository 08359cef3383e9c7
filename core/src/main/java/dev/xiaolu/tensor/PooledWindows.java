package dev.xiaolu.tensor;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.xiaolu.op.Compress;

/// Which tokens the entries of [Compress] pool: those of their own window, and of the window before as many as they may reach. One check and one reading for every backend.
///
/// @param op    the forward operator
/// @param since the first token that each entry may pool, I32 `[batch, windows]`; null where none is held back
public record PooledWindows(Compress op, Tensor since) {
    /// What `windows` entries of each sequence pool, `since` being input `at` if there is one. Throws [IndexOutOfBoundsException] naming the first entry that is to begin before 0 or within its own window.
    public static PooledWindows of(Compress op, Tensor[] in, int at) {
        var windows = new PooledWindows(op, in.length > at ? in[at] : null);
        if (windows.since != null) {
            for (long sequence = 0; sequence < windows.since.shape().axis(0); sequence++) {
                for (long entry = 0; entry < windows.since.shape().axis(1); entry++) {
                    int since = windows.since(sequence, entry);
                    if (since < 0 || since > windows.window(entry) * op.ratio()) {
                        throw new IndexOutOfBoundsException("entry " + entry + " of sequence " + sequence + " pools from token " + since + " on, wanted 0 to " + windows.window(entry) * op.ratio() + ", where its own window begins");
                    }
                }
            }
        }
        return windows;
    }

    /// The window of an entry, counted from the first token given.
    public long window(long entry) {
        return op.continued() ? entry + 1 : entry;
    }

    /// How many tokens of the window before an entry pools: the last ones.
    public int before(long sequence, long entry) {
        if (!op.overlap() || window(entry) == 0) {
            return 0;
        }
        return since == null ? op.ratio() : (int) Math.min(op.ratio(), window(entry) * op.ratio() - since(sequence, entry));
    }

    private int since(long sequence, long entry) {
        return since.data().getAtIndex(JAVA_INT, sequence * since.stride(0) + entry * since.stride(1));
    }
}
