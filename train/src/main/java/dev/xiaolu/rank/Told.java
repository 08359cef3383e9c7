package dev.xiaolu.rank;

/// Names under which ranks tell digests of a step.
final class Told {
    /// The digest of all weights.
    static final String WEIGHTS = "weights";
    /// What the step did, as JSON.
    static final String RESULT = "result";

    private Told() {}
}
