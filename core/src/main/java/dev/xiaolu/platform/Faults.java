package dev.xiaolu.platform;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Collects everything that is wrong with one config, so that its author is told all faults at once and not the first.
///
/// Not thread-safe: made, filled and thrown in one constructor.
public final class Faults {
    private final String subject;
    private final List<String> found = new ArrayList<>();

    /// Starts with no fault; `subject` opens the message, for example `config.json`.
    public Faults(String subject) {
        this.subject = subject;
    }

    /// Notes a fault when `condition` is false.
    public Faults that(boolean condition, String format, Object... args) {
        if (!condition) {
            found.add(String.format(Locale.ROOT, format, args));
        }
        return this;
    }

    /// Notes a fault when `value` is not at least 1.
    public Faults positive(String key, long value) {
        return that(value > 0, "%s is %d, wanted a positive number", key, value);
    }

    /// Notes a fault when `value` is not a finite number above zero.
    public Faults positive(String key, double value) {
        return that(value > 0 && value < Double.POSITIVE_INFINITY, "%s is %s, wanted a positive number", key, value);
    }

    /// What opens the message.
    public String subject() {
        return subject;
    }

    /// The faults so far, in the order in which they were noted.
    public List<String> found() {
        return List.copyOf(found);
    }

    /// Throws one [InputException] that lists every fault, or does nothing when there is none.
    public void throwIfAny() {
        if (found.size() == 1) {
            throw new InputException(subject + ": " + found.getFirst());
        }
        if (!found.isEmpty()) {
            throw new InputException("%s: %d faults%n  - %s".formatted(subject, found.size(), String.join("%n  - ".formatted(), found)));
        }
    }

    /// As [#throwIfAny()], but lists no more than the first `most` faults and counts the others.
    public void throwIfAny(int most) {
        if (found.size() <= most) {
            throwIfAny();
        } else {
            throw new InputException("%s: %d faults%n  - %s%n  - and %d more".formatted(subject, found.size(), String.join("%n  - ".formatted(), found.subList(0, most)), found.size() - most));
        }
    }
}
