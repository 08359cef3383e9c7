package dev.xiaolu.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Scanners cut as their patterns do, and patterns match as in the JDK where both mean the same.
class ScannersTest {
    static Stream<Arguments> scanners() {
        return Stream.of(
            Arguments.of("gpt2", new Gpt2Scanner(), Gpt2Scanner.PATTERN),
            Arguments.of("llama3", new LineScanner(3), LineScanner.LLAMA3_PATTERN),
            Arguments.of("qwen", new LineScanner(1), LineScanner.QWEN_PATTERN),
            Arguments.of("deepseek", new DeepSeekScanner(), DeepSeekScanner.PATTERN),
            Arguments.of("deepseek digits", new DigitScanner(3, false), DigitScanner.DEEP_SEEK_PATTERN),
            Arguments.of("deepseek cjk", new CjkScanner(), CjkScanner.PATTERN));
    }

    private static List<String> pieces(Stage stage, byte[] text, int from, int to) {
        List<String> pieces = new ArrayList<>();
        WordSink sink = stage.into((bytes, start, end) -> pieces.add(new String(bytes, start, end - start, StandardCharsets.UTF_8)));
        if (from < to) {
            sink.accept(text, from, to);
        }
        return pieces;
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("scanners")
    void scannersCutAsTheirPatterns(String name, Scanner scanner, String pattern) {
        Stage byScanner = Stage.of(scanner);
        Stage byPattern = SplitStage.of(name, pattern, SplitStage.Behavior.ISOLATED, false);
        for (long seed = 1; seed <= 40; seed++) {
            var texts = new RandomTexts(seed);
            for (int i = 0; i < 100; i++) {
                String text = texts.next(i < 60 ? 12 : 120);
                byte[] bytes = ("¿" + text + "é'll").getBytes(StandardCharsets.UTF_8);          // what lies around a piece must not be seen
                List<String> wanted = pieces(byPattern, bytes, 2, bytes.length - 5);
                assertEquals(wanted, pieces(byScanner, bytes, 2, bytes.length - 5), () -> "text <" + text + ">");
                assertEquals(text, String.join("", wanted));
            }
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("scanners")
    void scannersKnowTheClassesOfCodePoints(String name, Scanner scanner, String pattern) {
        Stage byScanner = Stage.of(scanner);
        Stage byPattern = SplitStage.of(name, pattern, SplitStage.Behavior.ISOLATED, false);
        for (int c = 0; c < Characters.END; c += c < 0x3400 ? 1 : 13) {
            if (c < 0xD800 || c >= 0xE000) {
                byte[] bytes = ("1" + Character.toString(c) + "a " + Character.toString(c) + "'" + Character.toString(c) + "\n").getBytes(StandardCharsets.UTF_8);
                int shown = c;
                assertEquals(pieces(byPattern, bytes, 0, bytes.length), pieces(byScanner, bytes, 0, bytes.length), () -> Integer.toHexString(shown));
            }
        }
    }

    /// `\s` is written out, as the JDK's means something else; the properties agree as long as the JDK is at Unicode 16.
    @Test void patternsMatchAsInTheJdk() {
        String spaces = "\\t-\\r\\x20\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}";
        List<String> patterns = List.of(LineScanner.LLAMA3_PATTERN, Gpt2Scanner.PATTERN, DeepSeekScanner.PATTERN,
            "(?:a|ab)(?:c|bcd)?+d*", "[a-z]+?(?=[sdt]|\\n)|\\p{Lu}{2,3}?", "(?<![0-9])[0-9]{2,}+|(?<=s)t", "(?>a|ab)s|(?:s|t){2,4}|[^a-z0-9&&[^b]]+",
            "(?:'(?:s|t)?)+|\\p{M}*\\P{L}", "x*");
        for (String pattern : patterns) {
            String written = pattern.replace("[^\\s", "[^" + spaces).replace("\\s", "[" + spaces + "]").replace("\\S", "[^" + spaces + "]");
            String cased = written.replace("(?i:", "(?iu:");
            var jdk = Pattern.compile(cased);
            var own = new PatternMatcher(PatternProgram.of("test", pattern));
            for (long seed = 1; seed <= 10; seed++) {
                var texts = new RandomTexts(seed);
                for (int i = 0; i < 60; i++) {
                    String text = texts.next(40);
                    assertEquals(jdkMatches(jdk, text), ownMatches(own, text), () -> pattern + " on <" + text + ">");
                }
            }
        }
    }

    private static List<String> jdkMatches(Pattern pattern, String text) {
        return pattern.matcher(text).results().map(match -> match.group()).filter(match -> !match.isEmpty()).toList();
    }

    private static List<String> ownMatches(PatternMatcher matcher, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        List<String> matches = new ArrayList<>();
        int[] match = new int[2];
        for (int at = 0; at <= bytes.length && matcher.find(bytes, 0, at, bytes.length, match); ) {
            if (match[0] < match[1]) {
                matches.add(new String(bytes, match[0], match[1] - match[0], StandardCharsets.UTF_8));
                at = match[1];
            } else {
                at = match[1] + (match[1] < bytes.length ? Utf8.width(bytes[match[1]]) : 1);
            }
        }
        return matches;
    }

    /// The JDK's engine would overflow its stack here.
    @Test void longWordsNeedNoStack() {
        byte[] text = "ab".repeat(500_000).getBytes(StandardCharsets.UTF_8);
        Stage stage = SplitStage.of("test", "(?:a|b)+|(?:\\p{L}|\\p{M})+", SplitStage.Behavior.ISOLATED, false);
        assertEquals(1, pieces(stage, text, 0, text.length).size());
    }
}
