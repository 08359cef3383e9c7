package dev.xiaolu.bench;

import java.util.List;

/// Somebody who does the measured work when it is his turn and is idle otherwise.
interface Rival extends AutoCloseable {
    /// Who, for tables.
    String name();

    /// One measurement, in the bench's unit; more is better.
    double measure();

    @Override default void close() {}

    /// Lets all rivals measure in turns, round by round; gives `[rival][round]`.
    static double[][] takeTurns(List<? extends Rival> rivals, int rounds) {
        double[][] measured = new double[rivals.size()][rounds];
        for (int round = 0; round < rounds; round++) {
            for (int i = 0; i < measured.length; i++) {
                measured[i][round] = rivals.get(i).measure();
            }
        }
        return measured;
    }
}
