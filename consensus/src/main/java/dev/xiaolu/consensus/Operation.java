package dev.xiaolu.consensus;

/// What stands in the log, beside the library's own changes of membership.
sealed interface Operation {
    /// A leader's first word in its term; what follows in the log is of that term, until the next one's.
    record NewTerm(int term, long leader) implements Operation {}

    /// An event as a line in UTF-8. Each replica numbers its own from 1, and they count only in that order: so one that comes twice counts once.
    record Appended(long origin, long number, byte[] line) implements Operation {}
}
