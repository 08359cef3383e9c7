package dev.xiaolu.recover;

import static dev.xiaolu.platform.Check.check;

import java.util.Collection;
import java.util.List;

/// What the loss of members means for state that lives at `copies` neighbours in the ring of the ordered member list.
public final class Ring {
    private Ring() {}

    /// Whether every part of the state is still somewhere: somebody is left, and nowhere in the ring have `copies` neighbours gone.
    ///
    /// @param settled the ordered members among whom the state was placed
    /// @param lost who has gone since; others than those of `settled` do not matter
    public static boolean survives(List<Long> settled, Collection<Long> lost, int copies) {
        check(copies >= 1, "Ring: %d copies, wanted at least 1", copies);
        int size = settled.size(), row = 0;
        for (int i = 0; i < 2 * size; i++) {                             // twice around: a row of the lost may go past the end
            row = lost.contains(settled.get(i % size)) ? row + 1 : 0;
            if (row >= Math.min(copies, size)) {
                return false;
            }
        }
        return true;
    }
}
