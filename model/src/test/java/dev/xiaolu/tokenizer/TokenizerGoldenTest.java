package dev.xiaolu.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/// Ids and texts are those of Hugging Face tokenizers, as `testkit/recorders/record_tokenizer.py` recorded them.
class TokenizerGoldenTest {
    static Stream<String> names() {
        return Goldens.NAMES.stream();
    }

    @ParameterizedTest
    @MethodSource("names")
    void encodesAsHuggingFace(String name) {
        Tokenizer tokenizer = Goldens.tokenizer(name);
        JsonNode golden = Goldens.json(name + "/golden.json");
        List<byte[]> texts = Goldens.list(golden.get("texts"), Goldens::base64);
        assertTrue(texts.size() > 150, "the golden has too few texts");
        for (int i = 0; i < texts.size(); i++) {
            String text = Utf8.text(texts.get(i), 0, texts.get(i).length);
            int[] wanted = Goldens.ids(golden.get("ids").get(i));
            assertIds(tokenizer, wanted, tokenizer.encode(texts.get(i), true), text);
            assertIds(tokenizer, Goldens.ids(golden.get("plain").get(i)), tokenizer.encode(texts.get(i), false), text);
            assertIds(tokenizer, wanted, tokenizer.encode(text, true), text);
            assertIds(tokenizer, wanted, tokenizer.encode(ByteBuffer.allocateDirect(texts.get(i).length).put(texts.get(i)).flip(), true), text);
        }
    }

    private static void assertIds(Tokenizer tokenizer, int[] wanted, int[] found, String text) {
        assertArrayEquals(wanted, found, () -> "text <%s>%n wanted %s%n found  %s".formatted(text, shown(tokenizer, wanted), shown(tokenizer, found)));
    }

    private static List<String> shown(Tokenizer tokenizer, int[] ids) {
        return Arrays.stream(ids).mapToObj(id -> tokenizer.tokenOf(id).orElse("?")).toList();
    }

    @ParameterizedTest
    @MethodSource("names")
    void decodesAsHuggingFace(String name) {
        Tokenizer tokenizer = Goldens.tokenizer(name);
        JsonNode golden = Goldens.json(name + "/golden.json");
        for (int i = 0; i < golden.get("texts").size(); i++) {
            byte[] bytes = Goldens.base64(golden.get("texts").get(i));
            String text = Utf8.text(bytes, 0, bytes.length);
            int[] ids = Goldens.ids(golden.get("ids").get(i));
            assertEquals(golden.get("decoded").get(i).asString(text), tokenizer.decode(ids, false));
            assertEquals(golden.get("skipped").get(i).asString(text), tokenizer.decode(ids, true));
            assertEquals(tokenizer.decode(ids, true), streamed(tokenizer, ids, true));
        }
        for (int i = 0; i < golden.get("random").size(); i++) {
            int[] ids = Goldens.ids(golden.get("random").get(i));
            assertEquals(golden.get("random_decoded").get(i).stringValue(), tokenizer.decode(ids, false));
            assertEquals(tokenizer.decode(ids, false), streamed(tokenizer, ids, false));
        }
    }

    private static String streamed(Tokenizer tokenizer, int[] ids, boolean skipSpecial) {
        TextStream stream = tokenizer.stream(skipSpecial);
        var text = new StringBuilder();
        for (int id : ids) {
            text.append(stream.accept(id));
        }
        return text.append(stream.finish()).toString();
    }

    @ParameterizedTest
    @MethodSource("names")
    void knowsItsTokens(String name) {
        Tokenizer tokenizer = Goldens.tokenizer(name);
        JsonNode golden = Goldens.json(name + "/golden.json");
        assertEquals(golden.get("vocab").intValue(), tokenizer.vocabSize());
        golden.get("tokens").properties().forEach(token -> {
            assertEquals(token.getValue().intValue(), tokenizer.idOf(token.getKey()).orElseThrow());
            assertEquals(Optional.of(token.getKey()), tokenizer.tokenOf(token.getValue().intValue()));
        });
        assertEquals(golden.get("tokens").size(), tokenizer.addedTokens().size());
        for (AddedToken token : tokenizer.addedTokens()) {
            assertEquals(token.special(), tokenizer.isSpecial(token.id()));
        }
    }

    @Test void namesTheTokensOfTheConfig() {
        Tokenizer qwen = Goldens.tokenizer("qwen");
        assertTrue(qwen.bos().isEmpty());
        assertEquals(qwen.idOf("<|im_end|>"), qwen.eos());
        assertEquals(qwen.idOf("<|endoftext|>"), qwen.pad());
        Tokenizer llama = Goldens.tokenizer("llama3");
        assertEquals(llama.idOf("<|begin_of_text|>"), llama.bos());
        assertEquals(llama.idOf("<|end_of_text|>"), llama.eos());
        assertTrue(Goldens.tokenizer("o200k").eos().isEmpty());
    }

    /// Every way to split, with patterns that no scanner knows.
    @Test void splitsAsHuggingFace() {
        var json = (tools.jackson.databind.node.ObjectNode) Goldens.json("splits/tokenizer.json");
        JsonNode golden = Goldens.json("splits/golden.json");
        assertTrue(golden.size() > 20);
        golden.properties().forEach(split -> {
            json.set("pre_tokenizer", split.getValue().get("pre_tokenizer"));
            Tokenizer tokenizer = Tokenizer.of(split.getKey(), dev.xiaolu.store.Json.write(json), Optional.empty());
            for (int i = 0; i < split.getValue().get("texts").size(); i++) {
                byte[] text = Goldens.base64(split.getValue().get("texts").get(i));
                assertIds(tokenizer, Goldens.ids(split.getValue().get("ids").get(i)), tokenizer.encode(text, true),
                    split.getKey() + ": " + new String(text, StandardCharsets.UTF_8));
            }
        });
    }
}
