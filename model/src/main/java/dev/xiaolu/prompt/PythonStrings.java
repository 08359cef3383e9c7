package dev.xiaolu.prompt;

import dev.xiaolu.platform.InputException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/// The constant texts of a Python file, which is read and never run: literals of one, three, single and double quotes, raw ones, their escapes, and literals that
/// stand side by side and are one text. Bytes and texts with fields (`b''`, `f''`) are passed over. The file may come from anywhere: all work is linear in its size.
final class PythonStrings {
    /// Fields of a text with fields may hold texts, and so on; nobody writes more levels than that.
    private static final int MAX_DEPTH = 8;
    private static final Set<String> PREFIXES = Set.of("r", "u", "b", "br", "rb", "f", "fr", "rf", "t", "tr", "rt");

    private final String subject;
    private final String source;
    private final List<String> found = new ArrayList<>();
    private Optional<StringBuilder> open = Optional.empty();         // the text so far, to which literals right behind it belong
    private boolean passedOver;                                      // whether one of its literals is no constant text
    private int at;

    private PythonStrings(String subject, String source) {
        this.subject = subject;
        this.source = source;
    }

    /// The texts in the order of the file, in UTF-8; `subject` opens the message when it cannot be read.
    static List<String> of(String subject, byte[] file) {
        String text;
        try {
            text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(file)).toString();
        } catch (CharacterCodingException broken) {
            throw new InputException(subject + ": wanted a Python file in UTF-8, found bytes that are none", broken);
        }
        return new PythonStrings(subject, text.replace("\r\n", "\n").replace('\r', '\n')).read();
    }

    private List<String> read() {
        int brackets = 0;
        while (at < source.length()) {
            char c = source.charAt(at);
            if (c == '#') {
                skipComment();
            } else if (c == '\n') {
                at++;
                if (brackets == 0) {                                 // elsewhere a line end is only a space
                    close();
                }
            } else if (c == '\\' && source.startsWith("\n", at + 1)) {
                at += 2;
            } else if (c == ' ' || c == '\t' || c == '\f' || c == '\uFEFF') {
                at++;
            } else if (isQuote(c)) {
                literal("", 0);
            } else if (Character.isUnicodeIdentifierStart(c) || c == '_') {
                word();
            } else {
                close();
                brackets = Math.max(0, brackets + ("([{".indexOf(c) >= 0 ? 1 : ")]}".indexOf(c) >= 0 ? -1 : 0));
                at++;
            }
        }
        close();
        return found;
    }

    private void skipComment() {
        int end = source.indexOf('\n', at);
        at = end < 0 ? source.length() : end;
    }

    /// A name, or the letters before a literal that say how it is meant.
    private void word() {
        String word = letters();
        if (at < source.length() && isQuote(source.charAt(at)) && PREFIXES.contains(word)) {
            literal(word, 0);
        } else {
            close();
        }
    }

    private String letters() {
        int begin = at++;
        while (at < source.length() && Character.isUnicodeIdentifierPart(source.charAt(at))) {
            at++;
        }
        return source.substring(begin, at).toLowerCase(Locale.ROOT);
    }

    /// Reads the literal that begins here.
    private void literal(String prefix, int depth) {
        if (depth > MAX_DEPTH) {
            throw wrong(at, "texts stand inside each other more than %d deep", MAX_DEPTH);
        }
        int begin = at;
        char quote = source.charAt(at);
        String fence = source.startsWith(String.valueOf(quote).repeat(3), at) ? String.valueOf(quote).repeat(3) : String.valueOf(quote);
        at += fence.length();
        boolean raw = prefix.contains("r");
        boolean fields = prefix.contains("f") || prefix.contains("t");
        var text = new StringBuilder();
        while (!source.startsWith(fence, at)) {
            if (ends(fence)) {
                throw wrong(begin, "the text that begins here is not closed");
            }
            char c = source.charAt(at);
            if (c == '\\') {
                if (at + 1 == source.length()) {
                    throw wrong(begin, "the text that begins here is not closed");
                }
                if (raw || fields || prefix.contains("b")) {
                    text.append(c).append(source.charAt(at + 1));
                    at += 2;
                } else {
                    escape(text);
                }
            } else if (fields && c == '{' && !source.startsWith("{{", at)) {
                field(begin, fence, depth);
            } else {
                int width = fields && c == '{' ? 2 : 1;
                text.append(source, at, at + width);
                at += width;
            }
        }
        at += fence.length();
        if (depth == 0) {
            passedOver |= fields || prefix.contains("b");
            open = Optional.of(open.orElseGet(StringBuilder::new).append(text));
        }
    }

    /// Passes over a field of a text, `{…}`, with the literals in it.
    private void field(int begin, String fence, int depth) {
        int braces = 0;
        String prefix = "";
        do {
            if (ends(fence)) {
                throw wrong(begin, "a field of the text that begins here is not closed");
            }
            char c = source.charAt(at);
            if (isQuote(c)) {
                literal(prefix, depth + 1);
                prefix = "";
            } else if (Character.isUnicodeIdentifierStart(c)) {
                String word = letters();
                prefix = PREFIXES.contains(word) ? word : "";
            } else {
                prefix = "";
                braces += c == '{' ? 1 : c == '}' ? -1 : 0;
                at++;
            }
        } while (braces > 0);
    }

    /// What a backslash and the letters behind it mean.
    private void escape(StringBuilder text) {
        int begin = at;
        char c = source.charAt(at + 1);
        at += 2;
        switch (c) {
            case '\n' -> { }                                         // the line goes on
            case '\\', '\'', '"' -> text.append(c);
            case 'a' -> text.append('\u0007');
            case 'b' -> text.append('\b');
            case 'f' -> text.append('\f');
            case 'n' -> text.append('\n');
            case 'r' -> text.append('\r');
            case 't' -> text.append('\t');
            case 'v' -> text.append('\u000B');
            case 'x' -> code(text, begin, 2);
            case 'u' -> code(text, begin, 4);
            case 'U' -> code(text, begin, 8);
            case 'N' -> named(text, begin);
            case '0', '1', '2', '3', '4', '5', '6', '7' -> {
                int end = at;
                while (end < begin + 4 && end < source.length() && source.charAt(end) >= '0' && source.charAt(end) <= '7') {
                    end++;
                }
                text.append((char) Integer.parseInt(source, begin + 1, end, 8));
                at = end;
            }
            default -> text.append('\\').append(c);                  // Python keeps both
        }
    }

    private void code(StringBuilder text, int begin, int digits) {
        long code = -1;
        if (at + digits <= source.length() && source.substring(at, at + digits).chars().allMatch(c -> Character.digit(c, 16) >= 0 && c < 128)) {
            code = Long.parseLong(source, at, at + digits, 16);
        }
        if (code < 0 || code > Character.MAX_CODE_POINT) {
            throw wrong(begin, "wanted a character of %d hexadecimal digits behind '%s', found none", digits, source.substring(begin, begin + 2));
        }
        text.appendCodePoint((int) code);
        at += digits;
    }

    private void named(StringBuilder text, int begin) {
        int end = source.startsWith("{", at) ? source.indexOf('}', at, Math.min(source.length(), at + 100)) : -1;
        if (end < 0) {
            throw wrong(begin, "wanted the name of a character in braces behind '\\N', found none");
        }
        try {
            text.appendCodePoint(Character.codePointOf(source.substring(at + 1, end)));
        } catch (IllegalArgumentException unknown) {
            throw wrong(begin, "no character is called '%s'", source.substring(at + 1, end));
        }
        at = end + 1;
    }

    /// Something other than a literal follows: the text is whole.
    private void close() {
        if (!passedOver) {
            open.ifPresent(text -> found.add(text.toString()));
        }
        open = Optional.empty();
        passedOver = false;
    }

    private static boolean isQuote(char c) {
        return c == '"' || c == '\'';
    }

    /// Whether nothing more of a literal can follow.
    private boolean ends(String fence) {
        return at >= source.length() || fence.length() == 1 && source.charAt(at) == '\n';
    }

    private InputException wrong(int position, String format, Object... args) {
        long line = 1 + source.substring(0, position).chars().filter(c -> c == '\n').count();
        return InputException.of("%s: line %d: %s", subject, line, format.formatted(args));
    }
}
