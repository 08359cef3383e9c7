package dev.xiaolu.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.InputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Files that are wrong, hostile or not supported: each gives a message that names the place.
class BadTokenizerTest {
    private static final String PRE = "'pre_tokenizer': {'type': 'ByteLevel', 'add_prefix_space': false, 'trim_offsets': true, 'use_regex': true}";
    private static final String DECODER = "'decoder': {'type': 'ByteLevel', 'add_prefix_space': true, 'trim_offsets': true, 'use_regex': true}";
    private static final String VOCAB = "'vocab': {'a': 0, 'b': 1, 'ab': 2, 'c': 3}";
    private static final String MODEL = "'model': {'type': 'BPE', " + VOCAB + ", 'merges': ['a b']}";

    private static Tokenizer read(String json) {
        return read(json, null);
    }

    private static Tokenizer read(String json, String config) {
        return Tokenizer.of("tokenizer.json", json.replace('\'', '"').getBytes(StandardCharsets.UTF_8),
            Optional.ofNullable(config).map(text -> text.replace('\'', '"').getBytes(StandardCharsets.UTF_8)));
    }

    private static String file(String... parts) {
        return "{" + String.join(", ", parts) + "}";
    }

    private static String model(String vocab, String merges, String more) {
        return file("'model': {'type': 'BPE', 'vocab': " + vocab + ", 'merges': " + merges + more + "}", PRE, DECODER);
    }

    private static String added(String tokens) {
        return file(MODEL, PRE, DECODER, "'added_tokens': [" + tokens + "]");
    }

    private static String token(String id, String content) {
        return "{'id': " + id + ", 'content': '" + content + "', 'special': true, 'normalized': false}";
    }

    private static String split(String pattern) {
        return file(MODEL, DECODER, "'pre_tokenizer': {'type': 'Sequence', 'pretokenizers': [{'type': 'Split', 'pattern': " + pattern
            + ", 'behavior': 'Isolated', 'invert': false}, {'type': 'ByteLevel', 'add_prefix_space': false, 'use_regex': false}]}");
    }

    private static String regex(String pattern) {
        return split("{'Regex': '" + pattern.replace("\\", "\\\\") + "'}");
    }

    private static String post(String single) {
        return file(MODEL, PRE, DECODER, "'post_processor': {'type': 'TemplateProcessing', 'single': [" + single
            + "], 'pair': [], 'special_tokens': {'x': {'id': 'x', 'ids': [99], 'tokens': ['x']}, 'c': {'id': 'c', 'ids': [3], 'tokens': ['c']}}}");
    }

    @Test void theSmallestFileIsRead() {
        Tokenizer tokenizer = read(file(MODEL, PRE, DECODER));
        assertEquals(2, tokenizer.encode("ab", true)[0]);
        assertEquals(4, tokenizer.vocabSize());
        assertEquals(3, read(post("{'SpecialToken': {'id': 'c', 'type_id': 0}}, {'Sequence': {'id': 'A', 'type_id': 0}}")).encode("ab", true)[0]);
    }

    static Stream<Arguments> wrong() {
        return Stream.of(
            Arguments.of("not valid JSON", "{'model': "),
            Arguments.of("not a JSON object", "[1]"),
            Arguments.of("not valid JSON", "{'model': {}, 'model': {}}"),
            Arguments.of("not valid JSON", "[".repeat(100_000)),
            Arguments.of("tokenizer.json.model: wanted an object, found nothing", file(PRE, DECODER)),
            Arguments.of("tokenizer.json.pre_tokenizer: wanted an object, found nothing", file(MODEL, DECODER)),
            Arguments.of("tokenizer.json.decoder: wanted an object, found nothing", file(MODEL, PRE)),
            Arguments.of("tokenizer.json.version: wanted 1.0, found \"2.0\"", file(MODEL, PRE, DECODER, "'version': '2.0'")),
            Arguments.of("tokenizer.json.novelty: this field is not known", file(MODEL, PRE, DECODER, "'novelty': 1")),
            Arguments.of("truncation", file(MODEL, PRE, DECODER, "'truncation': {'max_length': 5}")),
            Arguments.of("padding", file(MODEL, PRE, DECODER, "'padding': {'length': 5}")),
            Arguments.of("model.type: wanted BPE", file("'model': {'type': 'Unigram', 'vocab': []}", PRE, DECODER)),
            Arguments.of("model.novelty: this field is not known", model("{'a': 0}", "[]", ", 'novelty': 3")),
            Arguments.of("dropout is 0.1", model("{'a': 0}", "[]", ", 'dropout': 0.1")),
            Arguments.of("byte_fallback is true", model("{'a': 0}", "[]", ", 'byte_fallback': true")),
            Arguments.of("end_of_word_suffix", model("{'a': 0}", "[]", ", 'end_of_word_suffix': '</w>'")),
            Arguments.of("continuing_subword_prefix", model("{'a': 0}", "[]", ", 'continuing_subword_prefix': '##'")),
            Arguments.of("unk_token: wanted null or a token of the vocabulary", model("{'a': 0}", "[]", ", 'unk_token': '<unk>'")),
            Arguments.of("ignore_merges: wanted true or false", model("{'a': 0}", "[]", ", 'ignore_merges': 1")),
            Arguments.of("the token a has the id -1", model("{'a': -1}", "[]", "")),
            Arguments.of("the token a has the id 4194304", model("{'a': 4194304}", "[]", "")),
            Arguments.of("the token a has the id 99999999999999999999", model("{'a': 99999999999999999999}", "[]", "")),
            Arguments.of("surrogate", model("{'a': 0, 'x\\ude00': 1}", "[]", "")),
            Arguments.of("added_tokens[0].content: wanted a text", added(token("4", "<\\ude00>"))),
            Arguments.of("the token a has the id 1.5", model("{'a': 1.5}", "[]", "")),
            Arguments.of("the token a has the id \"0\"", model("{'a': '0'}", "[]", "")),
            Arguments.of("have the same id 0", model("{'a': 0, 'b': 0}", "[]", "")),
            Arguments.of("not valid JSON", model("{'a': 0, 'a': 1}", "[]", "")),
            Arguments.of("vocab: wanted an object", model("['a']", "[]", "")),
            Arguments.of("merges: wanted a list", model("{'a': 0}", "{}", "")),
            Arguments.of("merges[1]: the token z is not in the vocabulary", model("{'a': 0, 'b': 1, 'ab': 2}", "['a b', 'a z']", "")),
            Arguments.of("merges[0]: the token aa is not in the vocabulary", model("{'a': 0}", "['a a']", "")),
            Arguments.of("merges[0]: wanted two tokens", model("{'a': 0}", "['aa']", "")),
            Arguments.of("merges[0]: wanted two tokens", model("{'a': 0}", "['a a a']", "")),
            Arguments.of("merges[0]: wanted two tokens", model("{'a': 0, '': 1}", "[['', 'a']]", "")),
            Arguments.of("merges[0]: wanted two tokens", model("{'a': 0}", "[['a']]", "")),
            Arguments.of("merges[0]: wanted two tokens", model("{'a': 0}", "[7]", "")),
            Arguments.of("added_tokens[0].id: wanted a token id", added(token("-4", "<x>"))),
            Arguments.of("added_tokens[0].id: wanted a token id", added(token("4294967300", "<x>"))),
            Arguments.of("the added token <x> has the id 9, wanted 4", added(token("9", "<x>"))),
            Arguments.of("the added token a has the id 4, wanted 0", added(token("4", "a"))),
            Arguments.of("the added token <x> is there twice", added(token("4", "<x>") + "," + token("5", "<x>"))),
            Arguments.of("has no content", added(token("4", ""))),
            Arguments.of("added_tokens[0]: wanted an object", added("7")),
            Arguments.of("which another token has", model("{'a': 0, 'b': 2}", "[]", "").replaceFirst("\\{", "{'added_tokens': [" + token("2", "<x>") + "], ")),
            Arguments.of("normalizer: the type Lowercase is not supported", file(MODEL, PRE, DECODER, "'normalizer': {'type': 'Lowercase'}")),
            Arguments.of("normalizers[0]: the type Strip", file(MODEL, PRE, DECODER, "'normalizer': {'type': 'Sequence', 'normalizers': [{'type': 'Strip'}]}")),
            Arguments.of("pre_tokenizer: the type Metaspace is not supported", file(MODEL, DECODER, "'pre_tokenizer': {'type': 'Metaspace'}")),
            Arguments.of("no step of type ByteLevel", file(MODEL, DECODER, "'pre_tokenizer': {'type': 'Sequence', 'pretokenizers': []}")),
            Arguments.of("behind ByteLevel", file(MODEL, DECODER, "'pre_tokenizer': {'type': 'Sequence', 'pretokenizers': [{'type': 'ByteLevel'}, {'type': 'Digits'}]}")),
            Arguments.of("behavior: wanted Removed", split("{'String': 'x'}").replace("Isolated", "Sideways")),
            Arguments.of("pattern.String: wanted a text that is not empty", split("{'String': ''}")),
            Arguments.of("pattern.Regex: wanted a text", split("{'Glob': 'x'}")),
            Arguments.of("'(' without its ')'", regex("(a")),
            Arguments.of("')' without its '('", regex("a)")),
            Arguments.of("'[' without its ']'", regex("[a")),
            Arguments.of("the property Klingon", regex("\\p{Klingon}")),
            Arguments.of("the escape \\X", regex("\\X")),
            Arguments.of("the escape \\1", regex("(a)\\1")),
            Arguments.of("a group of the kind (?P", regex("(?P<x>a)")),
            Arguments.of("POSIX", regex("[[:alpha:]]")),
            Arguments.of("look behind at more than one character", regex("(?<=ab)c")),
            Arguments.of("endless repeat", regex("(a*)*")),
            Arguments.of("ligature", regex("(?i:ss)")),
            Arguments.of("beyond ASCII under (?i)", regex("(?i:é)")),
            Arguments.of("a count", regex("a{5,2}")),
            Arguments.of("a count", regex("a{99999999999}")),
            Arguments.of("too large", regex("(((a{1000}b){1000}c){1000}d){1000}")),
            Arguments.of("nested more than", regex("(".repeat(5000) + ")".repeat(5000))),
            Arguments.of("a range", regex("[z-a]")),
            Arguments.of("a repeat of nothing", regex("*a")),
            Arguments.of("the code point", regex("\\x{110000}")),
            Arguments.of("decoder: the type WordPiece is not supported", file(MODEL, PRE, "'decoder': {'type': 'WordPiece'}")),
            Arguments.of("decoder: no step of type ByteLevel", file(MODEL, PRE, "'decoder': {'type': 'Sequence', 'decoders': []}")),
            Arguments.of("post_processor: the type BertProcessing", file(MODEL, PRE, DECODER, "'post_processor': {'type': 'BertProcessing'}")),
            Arguments.of("the sequence A is missing", post("")),
            Arguments.of("ids: wanted ids of tokens", post("{'SpecialToken': {'id': 'x', 'type_id': 0}}, {'Sequence': {'id': 'A', 'type_id': 0}}")),
            Arguments.of("special_tokens.y: wanted an object", post("{'SpecialToken': {'id': 'y', 'type_id': 0}}, {'Sequence': {'id': 'A', 'type_id': 0}}")),
            Arguments.of("the sequence A, once", post("{'Sequence': {'id': 'B', 'type_id': 0}}")),
            Arguments.of("the sequence A, once", post("{'Sequence': {'id': 'A', 'type_id': 0}}, {'Sequence': {'id': 'A', 'type_id': 0}}")));
    }

    @ParameterizedTest
    @MethodSource("wrong")
    void wrongFilesAreRefusedByName(String part, String json) {
        String message = assertThrows(InputException.class, () -> read(json)).getMessage();
        assertTrue(message.contains(part), message);
        assertTrue(message.startsWith("tokenizer.json"), message);
        assertTrue(message.length() < 25_000, "a message that nobody can read");
    }

    @Test void aWrongConfigIsRefused() {
        String json = file(MODEL, PRE, DECODER);
        assertConfig("tokenizer_config.json.bos_token: the token <s> is not in", json, "{'bos_token': '<s>'}");
        assertConfig("tokenizer_config.json.eos_token.content: wanted a text", json, "{'eos_token': {'text': 'a'}}");
        assertConfig("tokenizer_config.json.bos_token: wanted a text", json, "{'bos_token': 5}");
        assertConfig("tokenizer_config.json: not valid JSON", json, "{");
        assertConfig("add_bos_token: wanted true or false", json, "{'bos_token': 'a', 'add_bos_token': 'yes'}");
    }

    private static void assertConfig(String part, String json, String config) {
        String message = assertThrows(InputException.class, () -> read(json, config)).getMessage();
        assertTrue(message.contains(part), message);
    }

    @Test void aByteWithoutATokenIsNamed() {
        Tokenizer tokenizer = read(file(MODEL, PRE, DECODER));
        assertTrue(assertThrows(InputException.class, () -> tokenizer.encode("abz", true)).getMessage().contains("0x7A"));
        assertEquals(1, tokenizer.encode("ab", true).length, "the encoder is whole after an error");
    }

    @Test void missingFilesAreNamed(@TempDir Path folder) throws Exception {
        String message = assertThrows(InputException.class, () -> Tokenizer.load(folder)).getMessage();
        assertTrue(message.contains("tokenizer.json: no such file"), message);
        Files.writeString(folder.resolve("tokenizer.json"), "");
        assertTrue(assertThrows(InputException.class, () -> Tokenizer.load(folder)).getMessage().contains("tokenizer.json"));
    }

    /// A file cut anywhere is refused, and never with anything but a message.
    @Test void cutFilesAreRefused() {
        byte[] whole = Goldens.bytes("llama3/tokenizer.json");
        for (int i = 0; i < 60; i++) {
            byte[] cut = java.util.Arrays.copyOf(whole, (int) ((long) whole.length * i / 60));
            assertThrows(InputException.class, () -> Tokenizer.of("tokenizer.json", cut, Optional.empty()));
        }
    }

    /// A changed byte gives a tokenizer or a message, and nothing else.
    @Test void changedFilesGiveATokenizerOrAMessage() {
        byte[] whole = Goldens.bytes("deepseek/tokenizer.json");
        int refused = 0;
        for (long seed = 1; seed <= 150; seed++) {
            var random = new RandomTexts(seed);
            byte[] changed = whole.clone();
            int at = random.nextInt(random.nextInt(2) == 0 ? 3000 : whole.length);
            changed[at] = (byte) random.nextInt(128);
            try {
                Tokenizer.of("tokenizer.json", changed, Optional.empty()).encode("The deer drinks 123.", true);
            } catch (InputException message) {
                refused++;
            }
        }
        assertTrue(refused > 20, "refused " + refused);
    }
}
