package dev.xiaolu.prompt;

/// How much the model reasons before it answers.
public enum Thinking {
    /// It answers at once.
    OFF,
    /// It reasons first.
    HIGH,
    /// It reasons first and was told to spare no effort; needs the text for that, see [PromptTemplates].
    MAX;

    /// Whether it reasons at all.
    public boolean on() {
        return this != OFF;
    }
}
