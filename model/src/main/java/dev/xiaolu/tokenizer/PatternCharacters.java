package dev.xiaolu.tokenizer;

import java.lang.Character.UnicodeScript;
import java.util.BitSet;
import java.util.Map;
import java.util.function.IntPredicate;

/// Reads one character of a pattern, an escape or a `[…]`, as a set of code points.
final class PatternCharacters {
    private static final Map<String, UnicodeScript> SCRIPTS = Map.of("Han", UnicodeScript.HAN, "Hiragana", UnicodeScript.HIRAGANA,
        "Katakana", UnicodeScript.KATAKANA, "Hangul", UnicodeScript.HANGUL);
    private static final Map<String, String> LONG_NAMES = Map.of("Letter", "L", "Mark", "M", "Number", "N", "Punctuation", "P", "Symbol", "S",
        "Separator", "Z", "Other", "C", "Lowercase_Letter", "Ll", "Uppercase_Letter", "Lu", "Decimal_Number", "Nd");

    private final PatternParser parser;
    private final boolean anyCase;

    PatternCharacters(PatternParser parser, boolean anyCase) {
        this.parser = parser;
        this.anyCase = anyCase;
    }

    /// The set of a literal or an escape outside brackets.
    BitSet single() {
        BitSet set = new BitSet();
        int literal = classOrLiteral(set);
        if (literal >= 0) {
            add(set, literal, literal);
        }
        return set;
    }

    /// The set of a bracket, which begins here.
    BitSet bracket() {
        parser.take('[');
        boolean negative = parser.take('^');
        BitSet all = null;                                                     // what stands before the last &&
        BitSet set = new BitSet();
        boolean empty = true;
        while (true) {
            if (parser.atEnd()) {
                throw parser.refuse("a '[' without its ']'");
            }
            if (parser.take(']')) {
                if (empty) {
                    throw parser.refuse("an empty bracket");
                }
                break;
            }
            empty = false;
            if (parser.startsWith("[:")) {
                throw parser.refuse("a POSIX bracket [:…:]");
            }
            if (parser.startsWith("&&")) {
                parser.take('&');
                parser.take('&');
                all = both(all, set);
                set = new BitSet();
            } else if (parser.peek() == '[') {
                set.or(new PatternCharacters(parser, anyCase).bracket());
            } else {
                range(set);
            }
        }
        set = both(all, set);
        if (negative) {
            set.flip(0, Characters.END);
        }
        return set;
    }

    private static BitSet both(BitSet all, BitSet set) {
        if (all == null) {
            return set;
        }
        all.and(set);
        return all;
    }

    private void range(BitSet set) {
        int first = classOrLiteral(set);
        if (first < 0) {
            if (parser.startsWith("-") && !parser.startsWith("-]")) {
                throw parser.refuse("a '-' behind a class");
            }
            return;
        }
        if (!parser.startsWith("-") || parser.startsWith("-]")) {
            add(set, first, first);
            return;
        }
        parser.take('-');
        if (parser.atEnd() || parser.peek() == '[') {
            throw parser.refuse("a '-' without an end");
        }
        BitSet none = new BitSet();
        int last = classOrLiteral(none);
        if (last < first) {
            throw parser.refuse("a range that runs backwards or ends in a class");
        }
        add(set, first, last);
    }

    /// Adds a class to `set` and gives -1, or gives the literal.
    private int classOrLiteral(BitSet set) {
        if (!parser.take('\\')) {
            return parser.nextCodePoint();
        }
        if (parser.atEnd()) {
            throw parser.refuse("a '\\' without a character");
        }
        int c = parser.nextCodePoint();
        switch (c) {
            case 's', 'S' -> addAll(set, p -> (Characters.flags(p) & Characters.SPACE) != 0, c == 'S');
            case 'w', 'W' -> addAll(set, p -> (Characters.flags(p) & Characters.WORD) != 0, c == 'W');
            case 'd', 'D' -> addAll(set, property("Nd"), c == 'D');
            case 'h', 'H' -> addAll(set, p -> p < 128 && Character.digit(p, 16) >= 0, c == 'H');
            case 'p', 'P' -> {
                if (!parser.take('{')) {
                    throw parser.refuse("\\p without a name in braces");
                }
                boolean negative = parser.take('^') != (c == 'P');
                addAll(set, property(upTo('}')), negative);
            }
            case 'n' -> {
                return '\n';
            }
            case 'r' -> {
                return '\r';
            }
            case 't' -> {
                return '\t';
            }
            case 'f' -> {
                return '\f';
            }
            case 'v' -> {
                return 0x0B;
            }
            case 'x' -> {
                return parser.take('{') ? hex(upTo('}')) : hex(fixed(2));
            }
            case 'u' -> {
                return hex(fixed(4));
            }
            default -> {
                if (c < 128 && (c >= '0' && c <= '9' || (c | 0x20) >= 'a' && (c | 0x20) <= 'z')) {
                    throw parser.refuse("the escape \\" + (char) c);
                }
                return c;
            }
        }
        return -1;
    }

    private void addAll(BitSet set, IntPredicate member, boolean negative) {
        if (anyCase) {
            throw parser.refuse("a class under (?i)");
        }
        for (int p = 0; p < Characters.END; p++) {
            if (member.test(p) != negative) {
                set.set(p);
            }
        }
    }

    /// Adds a range, under `(?i)` in both cases and with the long s and the Kelvin sign.
    private void add(BitSet set, int first, int last) {
        set.set(first, last + 1);
        if (!anyCase) {
            return;
        }
        for (int p = first; p <= last; p++) {
            if (p >= 128 && (Characters.flags(p) & (Characters.LETTER | Characters.MARK)) != 0) {
                throw parser.refuse("letters beyond ASCII under (?i)");
            }
            if (p < 128 && Character.isLetter(p)) {
                set.set(Character.toLowerCase(p));
                set.set(Character.toUpperCase(p));
                if ((p | 0x20) == 's') {
                    set.set(0x17F);
                } else if ((p | 0x20) == 'k') {
                    set.set(0x212A);
                }
            }
        }
    }

    private IntPredicate property(String name) {
        String known = LONG_NAMES.getOrDefault(name, name);
        UnicodeScript script = SCRIPTS.get(known);
        if (script != null) {
            return p -> Characters.category(p) != 0 && UnicodeScript.of(p) == script;
        }
        int mask = 0;
        for (int i = 0; i < Characters.CATEGORIES.size(); i++) {
            String category = Characters.CATEGORIES.get(i);
            if (category.equals(known) || known.length() == 1 && category.startsWith(known)) {
                mask |= 1 << i;
            }
        }
        if (mask == 0) {
            throw parser.refuse("the property " + name);
        }
        int wanted = mask;
        return p -> (wanted >> Characters.category(p) & 1) != 0;
    }

    private String upTo(char end) {
        var text = new StringBuilder();
        while (!parser.take(end)) {
            if (parser.atEnd()) {
                throw parser.refuse("a '{' without its '}'");
            }
            text.appendCodePoint(parser.nextCodePoint());
        }
        return text.toString();
    }

    private String fixed(int digits) {
        var text = new StringBuilder();
        while (text.length() < digits && !parser.atEnd() && Character.digit(parser.peek(), 16) >= 0) {
            text.append(parser.peek());
            parser.nextCodePoint();
        }
        if (text.length() < digits) {
            throw parser.refuse("an escape of fewer than " + digits + " hexadecimal digits");
        }
        return text.toString();
    }

    private int hex(String digits) {
        try {
            int value = Integer.parseInt(digits, 16);
            if (value >= 0 && value < Characters.END) {
                return value;
            }
        } catch (NumberFormatException _) {
            // told below, as a number that is too large is
        }
        throw parser.refuse("the code point " + digits);
    }
}
