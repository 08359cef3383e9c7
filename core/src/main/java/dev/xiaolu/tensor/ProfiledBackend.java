package dev.xiaolu.tensor;

import dev.xiaolu.op.Op;
import dev.xiaolu.platform.Clock;

/// A backend whose time is measured, operator by operator. Closes the one within.
///
/// @param within  runs the operators
/// @param clock   measures
/// @param profile is told
public record ProfiledBackend(Backend within, Clock clock, Profile profile) implements Around {
    @Override public void run(Op op, Tensor[] inputs, Tensor[] outputs) {
        if (!profile.isOn()) {
            within.run(op, inputs, outputs);
            return;
        }
        long begun = clock.nanos();
        within.run(op, inputs, outputs);
        profile.ran(op, inputs, outputs, begun, clock.nanos());
    }

    @Override public void enters(String part) {
        within.enters(part);
        profile.enters(part);
    }

    @Override public void leaves() {
        profile.leaves();
        within.leaves();
    }
}
