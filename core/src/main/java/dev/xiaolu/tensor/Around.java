package dev.xiaolu.tensor;

import dev.xiaolu.op.Op;
import dev.xiaolu.platform.Clock;
import java.util.OptionalDouble;

/// A backend around another, which does what this one does not do differently. Closes the one within.
interface Around extends Backend {
    /// Runs the operators.
    Backend within();

    @Override default String name() {
        return within().name();
    }

    @Override default String describe() {
        return within().describe();
    }

    @Override default boolean supports(Class<? extends Op> op) {
        return within().supports(op);
    }

    @Override default void enters(String part) {
        within().enters(part);
    }

    @Override default void leaves() {
        within().leaves();
    }

    @Override default void settle(Clock clock) {
        within().settle(clock);
    }

    @Override default OptionalDouble measurePeak() {
        return within().measurePeak();
    }

    @Override default OptionalDouble measureBandwidth() {
        return within().measureBandwidth();
    }

    @Override default void close() {
        within().close();
    }
}
