package dev.xiaolu.rank;

/// What ranks tell beside what the control plane asks for: the subjects of [dev.xiaolu.recover.Event.Noted].
final class Noted {
    /// What stands fixed about the model, as JSON.
    static final String ABOUT = "about";
    /// What was seen after a step, as JSON.
    static final String SEEN = "seen";
    /// The checkpoint of this step cannot be read as it was written.
    static final String UNREADABLE = "unreadable";

    /// Where a gradient of a step has no exact sum, as JSON: `step`, `where` in words.
    static final String OUTSIDE = "outside";

    private Noted() {}
}
