package dev.xiaolu.tokenizer;

import dev.xiaolu.platform.InputException;
import dev.xiaolu.tokenizer.PatternNode.Ahead;
import dev.xiaolu.tokenizer.PatternNode.Atomic;
import dev.xiaolu.tokenizer.PatternNode.Behind;
import dev.xiaolu.tokenizer.PatternNode.Chars;
import dev.xiaolu.tokenizer.PatternNode.Choice;
import dev.xiaolu.tokenizer.PatternNode.Edge;
import dev.xiaolu.tokenizer.PatternNode.Mode;
import dev.xiaolu.tokenizer.PatternNode.Place;
import dev.xiaolu.tokenizer.PatternNode.Repeat;
import dev.xiaolu.tokenizer.PatternNode.Sequence;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Set;

/// Reads a regular expression as Oniguruma does, the engine behind the `Split` patterns of Hugging Face.
///
/// That dialect differs from Java's where it is easy to miss: `\s` and `\w` are Unicode, `\h` is a hexadecimal digit, `$` is the end of any
/// line, `{2}+` repeats the repeat. What is not understood is refused by name, never taken for something else.
final class PatternParser {
    /// Pairs of letters that a single ligature matches under `(?i)`, for example `ß` for `ss`.
    private static final Set<String> LIGATURES = Set.of("ss", "ff", "fi", "fl", "st");
    private static final int MOST_REPEATS = 1000;
    private static final int DEEPEST = 200;

    private final String subject;
    private final String pattern;
    private int at;
    private int depth;
    private boolean anyCase;

    private PatternParser(String subject, String pattern) {
        this.subject = subject;
        this.pattern = pattern;
    }

    /// The tree of a pattern; `subject` opens the message when it cannot be read.
    static PatternNode parse(String subject, String pattern) {
        var parser = new PatternParser(subject, pattern);
        PatternNode node = parser.choice();
        if (parser.at < pattern.length()) {
            throw parser.refuse("a ')' without its '('");
        }
        return node;
    }

    /// The exception for something in the pattern that is wrong or not supported.
    InputException refuse(String what) {
        return InputException.of("%s: the pattern %s has %s at character %d, which is not supported", subject, pattern, what, at);
    }

    private PatternNode choice() {
        if (++depth > DEEPEST) {
            throw refuse("groups nested more than " + DEEPEST + " deep");
        }
        boolean outer = anyCase;
        List<PatternNode> parts = new ArrayList<>();
        parts.add(sequence());
        while (take('|')) {
            parts.add(sequence());
        }
        anyCase = outer;
        depth--;
        return parts.size() == 1 ? parts.getFirst() : new Choice(List.copyOf(parts));
    }

    private PatternNode sequence() {
        List<PatternNode> parts = new ArrayList<>();
        int before = -1;                                                   // the literal before this one under (?i)
        while (at < pattern.length() && peek() != '|' && peek() != ')') {
            int start = at;
            PatternNode atom = atom();
            int literal = anyCase && atom instanceof Chars && at == start + 1 ? Character.toLowerCase(pattern.charAt(start)) : -1;
            if (before >= 0 && literal >= 0 && LIGATURES.contains("" + (char) before + (char) literal)) {
                throw refuse("letters under (?i) that a ligature matches too");
            }
            before = literal;
            parts.add(repeats(atom));
        }
        return parts.size() == 1 ? parts.getFirst() : new Sequence(List.copyOf(parts));
    }

    private PatternNode repeats(PatternNode atom) {
        PatternNode node = atom;
        while (at < pattern.length()) {
            int min;
            int max;
            boolean interval = false;
            int start = at;
            if (take('?')) {
                min = 0;
                max = 1;
            } else if (take('*')) {
                min = 0;
                max = Integer.MAX_VALUE;
            } else if (take('+')) {
                min = 1;
                max = Integer.MAX_VALUE;
            } else if (peek() == '{') {
                int[] bounds = interval();
                if (bounds == null) {
                    at = start;
                    break;
                }
                min = bounds[0];
                max = bounds[1];
                interval = true;
            } else {
                break;
            }
            if (node instanceof Place || node instanceof Ahead || node instanceof Behind) {
                throw refuse("a repeat of something that takes no character");
            }
            Mode mode = Mode.GREEDY;
            if (at < pattern.length() && peek() == '?') {
                if (interval && min == max) {
                    throw refuse("'?' behind a fixed count");
                }
                at++;
                mode = Mode.LAZY;
            } else if (!interval && take('+')) {
                mode = Mode.POSSESSIVE;
            }
            if (max == Integer.MAX_VALUE && node.mayBeEmpty()) {
                throw refuse("an endless repeat of something that may be empty");
            }
            node = new Repeat(node, min, max, mode);
        }
        return node;
    }

    /// `{n}`, `{n,}`, `{,m}` or `{n,m}`; null when the brace is a literal.
    private int[] interval() {
        at++;
        int min = number();
        int max = min;
        if (take(',')) {
            max = number();
            if (min < 0 && max < 0) {
                return null;
            }
            max = max < 0 ? Integer.MAX_VALUE : max;
            min = Math.max(min, 0);
        }
        if (min < 0 || !take('}')) {
            return null;
        }
        if (min > MOST_REPEATS || max != Integer.MAX_VALUE && max > MOST_REPEATS || max < min) {
            throw refuse("a count that is not from 0 to " + MOST_REPEATS + " or runs backwards");
        }
        return new int[] {min, max};
    }

    private int number() {
        int start = at;
        int value = 0;
        while (at < pattern.length() && peek() >= '0' && peek() <= '9') {
            value = Math.min(value * 10 + (peek() - '0'), 1_000_000);
            at++;
        }
        return at > start ? value : -1;
    }

    private PatternNode atom() {
        char c = peek();
        switch (c) {
            case '(' -> {
                at++;
                return group();
            }
            case '[' -> {
                return new Chars(new PatternCharacters(this, anyCase).bracket());
            }
            case '.' -> {
                at++;
                BitSet line = new BitSet();
                line.set('\n');
                line.flip(0, Characters.END);
                return new Chars(line);
            }
            case '^' -> {
                at++;
                return new Place(Edge.LINE_START);
            }
            case '$' -> {
                at++;
                return new Place(Edge.LINE_END);
            }
            case '*', '+', '?' -> throw refuse("a repeat of nothing");
            case '\\' -> {
                Edge edge = at + 1 < pattern.length() ? edge(pattern.charAt(at + 1)) : null;
                if (edge != null) {
                    at += 2;
                    return new Place(edge);
                }
                return new Chars(new PatternCharacters(this, anyCase).single());
            }
            default -> {
                return new Chars(new PatternCharacters(this, anyCase).single());
            }
        }
    }

    private static Edge edge(char escaped) {
        return switch (escaped) {
            case 'A' -> Edge.TEXT_START;
            case 'z' -> Edge.TEXT_END;
            case 'Z' -> Edge.LAST_LINE_END;
            case 'b' -> Edge.WORD_EDGE;
            case 'B' -> Edge.NO_WORD_EDGE;
            default -> null;
        };
    }

    private PatternNode group() {
        if (!take('?')) {
            return close(choice());
        }
        if (take(':')) {
            return close(choice());
        }
        if (take('=') || pattern.startsWith("!", at)) {
            boolean negative = take('!');
            return close(new Ahead(choice(), negative));
        }
        if (take('>')) {
            return close(new Atomic(choice()));
        }
        if (pattern.startsWith("<=", at) || pattern.startsWith("<!", at)) {
            boolean negative = pattern.charAt(at + 1) == '!';
            at += 2;
            if (choice() instanceof Chars(var set)) {
                return close(new Behind(set, negative));
            }
            throw refuse("a look behind at more than one character");
        }
        if (pattern.startsWith("i:", at)) {
            at += 2;
            boolean outer = anyCase;
            anyCase = true;
            PatternNode body = choice();
            anyCase = outer;
            return close(body);
        }
        if (pattern.startsWith("i)", at)) {                            // to the end of the group around it
            at += 2;
            anyCase = true;
            return choice();
        }
        throw refuse("a group of the kind (?" + (at < pattern.length() ? peek() : ""));
    }

    private PatternNode close(PatternNode node) {
        if (!take(')')) {
            throw refuse("a '(' without its ')'");
        }
        return node;
    }

    // What the reader of single characters and brackets shares with this one.

    boolean atEnd() {
        return at >= pattern.length();
    }

    char peek() {
        return pattern.charAt(at);
    }

    boolean startsWith(String text) {
        return pattern.startsWith(text, at);
    }

    int nextCodePoint() {
        int c = pattern.codePointAt(at);
        at += Character.charCount(c);
        return c;
    }

    boolean take(char c) {
        if (at < pattern.length() && pattern.charAt(at) == c) {
            at++;
            return true;
        }
        return false;
    }
}
