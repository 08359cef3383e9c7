package dev.xiaolu.prompt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.InputException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class PythonStringsTest {
    private static List<String> read(String source) {
        return PythonStrings.of("x.py", source.getBytes(StandardCharsets.UTF_8));
    }

    static Stream<Arguments> literals() {
        return Stream.of(
            Arguments.of("x = 'a'", List.of("a")),
            Arguments.of("x = \"it's\"", List.of("it's")),
            Arguments.of("x = '''a\n'b' ''c'''", List.of("a\n'b' ''c")),
            Arguments.of("x = \"\"\"a\\\nb\"\"\"", List.of("ab")),
            Arguments.of("x = ''; y = \"\"", List.of("", "")),
            Arguments.of("x = 'a' 'b' \"c\"", List.of("abc")),
            Arguments.of("x = ('a'\n  # why\n  'b'\n)\n'c'", List.of("ab", "c")),
            Arguments.of("'a'\n'b'", List.of("a", "b")),
            Arguments.of("x = 'a' \\\n 'b'", List.of("ab")),
            Arguments.of("x = 'a' + 'b'", List.of("a", "b")),
            Arguments.of("f('a', ['b', {'c': 'd'}])", List.of("a", "b", "c", "d")),
            Arguments.of("x = r'a\\n\\'b' R\"c\"", List.of("a\\n\\'bc")),
            Arguments.of("x = u'a' U'b'", List.of("ab")),
            Arguments.of("x = b'a', rb'b', Br\"c\", 'd'", List.of("d")),
            Arguments.of("x = f'a{b}c', 'd'", List.of("d")),
            Arguments.of("x = 'a' f'{b}' 'c', 'd'", List.of("d")),
            Arguments.of("x = f\"{a['k']}{{'{b:>{w}}'}}{c + f'{d[\"e\"]}'}\", 'z'", List.of("z")),
            Arguments.of("x = rf'\\{a}', 'z'", List.of("z")),
            Arguments.of("xf = 'a'; buf'b'", List.of("a", "b")),
            Arguments.of("x = '\\\\ \\' \\\" \\a\\b\\f\\n\\r\\t\\v'", List.of("\\ ' \" \u0007\b\f\n\r\t\u000B")),
            Arguments.of("x = '\\0\\1018\\377\\q\\x41\\u00e9\\U0001F98C\\N{DEER}\\N{LATIN SMALL LETTER A}'", List.of("\0A8\u00ff\\qAé🦌🦌a")),
            Arguments.of("x = 'a'\r\ny = '''b\r\nc\rd'''\r", List.of("a", "b\nc\nd")),
            Arguments.of("\uFEFFx = 'a' # 'not this'", List.of("a")),
            Arguments.of("x = '小路｜'", List.of("小路｜")));
    }

    @ParameterizedTest @MethodSource("literals")
    void constantsAreWhatPythonMakesOfThem(String source, List<String> wanted) {
        assertEquals(wanted, read(source));
    }

    static Stream<Arguments> broken() {
        return Stream.of(
            Arguments.of("a\nx = 'a", "line 2: the text that begins here is not closed"),
            Arguments.of("x = 'a\nb'", "line 1: the text that begins here is not closed"),
            Arguments.of("x = '''a\n\n", "line 1: the text that begins here is not closed"),
            Arguments.of("x = 'a\\", "line 1: the text that begins here is not closed"),
            Arguments.of("x = f'{a", "line 1: a field of the text that begins here is not closed"),
            Arguments.of("\n\nx = '\\x4'", "line 3: wanted a character of 2 hexadecimal digits behind '\\x'"),
            Arguments.of("x = '\\U00110000'", "wanted a character of 8 hexadecimal digits"),
            Arguments.of("x = '\\u12'", "wanted a character of 4 hexadecimal digits"),
            Arguments.of("x = '\\N{no such letter}'", "no character is called 'no such letter'"),
            Arguments.of("x = '\\Nabc'", "wanted the name of a character in braces"),
            Arguments.of("f'{f\"{".repeat(10), "texts stand inside each other more than 8 deep"));
    }

    @ParameterizedTest @MethodSource("broken")
    void whatIsNoPythonIsToldWithItsLine(String source, String words) {
        String message = assertThrows(InputException.class, () -> read(source)).getMessage();
        assertTrue(message.startsWith("x.py: ") && message.contains(words), message);
    }

    @Test void bytesThatAreNoUtf8AreRefused() {
        assertThrows(InputException.class, () -> PythonStrings.of("x.py", new byte[] {'\'', (byte) 0xC3, '\''}));
    }

    /// What a hostile file can cost is its size, and it ends in texts or in a message, nothing else.
    @Test void randomPiecesOfPythonEndInTextsOrInAMessage() {
        String[] pieces = {"'", "\"", "'''", "\"\"\"", "\\", "\n", "(", ")", "{", "}", "f", "r", "b", "#", " ", "x", "\\N{", "\\x4", "\\u00e9", "{{", "é"};
        for (long seed = 1; seed <= 500; seed++) {
            var random = new SplittableRandom(seed);
            var source = new StringBuilder();
            for (int i = random.nextInt(40); i >= 0; i--) {
                source.append(pieces[random.nextInt(pieces.length)]);
            }
            try {
                read(source.toString());
            } catch (InputException told) {
                assertTrue(told.getMessage().contains("line "), () -> told.getMessage() + " of <" + source + ">");
            }
        }
        assertTimeoutPreemptively(Duration.ofSeconds(60), () -> {
            read("(" + "'a' ".repeat(50_000));
            assertThrows(InputException.class, () -> read("f'{".repeat(70_000)));
            read("([{".repeat(70_000));
            read("'' ".repeat(70_000));
        });
    }
}
