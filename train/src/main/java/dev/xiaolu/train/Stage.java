package dev.xiaolu.train;

import java.util.List;

/// A part of a run in which some size of its steps is `size`: from where `after` steps are done to where the next stage begins. Written `size@after`, as in `64@0`.
///
/// @param size  for example tokens of a sequence
/// @param after steps that are done before it begins
public record Stage(int size, long after) {
    /// Reads `64@0`; throws [NumberFormatException] at anything else.
    static Stage parse(String text) {
        String[] parts = text.split("@", -1);
        if (parts.length != 2) {
            throw new NumberFormatException(text);
        }
        return new Stage(Integer.parseInt(parts[0].strip()), Long.parseLong(parts[1].strip()));
    }

    /// The size in step `step`, counted from 1; `always` where there are no stages.
    static int size(List<Stage> stages, int always, long step) {
        int size = always;
        for (Stage stage : stages) {
            size = stage.after < step ? stage.size : size;
        }
        return size;
    }

    /// Whether the stages begin at the first step and follow each other.
    static boolean areInOrder(List<Stage> stages) {
        long before = -1;
        for (Stage stage : stages) {
            if (stage.after <= before || before < 0 && stage.after != 0) {
                return false;
            }
            before = stage.after;
        }
        return true;
    }

    @Override public String toString() {
        return size + "@" + after;
    }
}
