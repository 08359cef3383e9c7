package dev.xiaolu.tokenizer;

import java.util.BitSet;
import java.util.List;

/// A parsed regular expression.
sealed interface PatternNode {
    /// How a repeat gives back what it took.
    enum Mode { GREEDY, LAZY, POSSESSIVE }

    /// What a place in the text must be.
    enum Edge { LINE_START, LINE_END, TEXT_START, TEXT_END, LAST_LINE_END, WORD_EDGE, NO_WORD_EDGE }

    /// One character out of a set of code points.
    record Chars(BitSet set) implements PatternNode {}

    /// All parts, one after another; none is the empty match.
    record Sequence(List<PatternNode> parts) implements PatternNode {}

    /// The first part that lets the rest match.
    record Choice(List<PatternNode> parts) implements PatternNode {}

    /// `body` from `min` to `max` times; `max` is [Integer#MAX_VALUE] when there is no bound.
    record Repeat(PatternNode body, int min, int max, Mode mode) implements PatternNode {}

    /// Whether `body` matches here, without taking anything.
    record Ahead(PatternNode body, boolean negative) implements PatternNode {}

    /// Whether the character before this place is in a set.
    record Behind(BitSet set, boolean negative) implements PatternNode {}

    /// `body` without giving anything back.
    record Atomic(PatternNode body) implements PatternNode {}

    /// A place.
    record Place(Edge edge) implements PatternNode {}

    /// Whether the node can match without taking a character.
    default boolean mayBeEmpty() {
        return switch (this) {
            case Chars _ -> false;
            case Sequence(var parts) -> parts.stream().allMatch(PatternNode::mayBeEmpty);
            case Choice(var parts) -> parts.stream().anyMatch(PatternNode::mayBeEmpty);
            case Repeat(var body, int min, _, _) -> min == 0 || body.mayBeEmpty();
            case Atomic(var body) -> body.mayBeEmpty();
            case Ahead _, Behind _, Place _ -> true;
        };
    }
}
