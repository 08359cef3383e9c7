package dev.xiaolu.tokenizer;

import dev.xiaolu.store.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.StreamSupport;
import tools.jackson.databind.JsonNode;

/// The recorded tokenizers and what Hugging Face made of them, from the test resources.
final class Goldens {
    static final List<String> NAMES = List.of("llama3", "qwen", "deepseek", "gpt2", "prefix_space", "o200k", "added_tokens", "unknown");

    private Goldens() {}

    static byte[] bytes(String path) {
        try (var in = Goldens.class.getResourceAsStream("/tokenizer/" + path)) {
            if (in == null) {
                throw new IllegalArgumentException("no resource tokenizer/" + path);
            }
            return in.readAllBytes();
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    static JsonNode json(String path) {
        return Json.readObject(path, bytes(path));
    }

    static Tokenizer tokenizer(String name) {
        boolean config = Goldens.class.getResource("/tokenizer/" + name + "/tokenizer_config.json") != null;
        return Tokenizer.of(name, bytes(name + "/tokenizer.json"), config ? Optional.of(bytes(name + "/tokenizer_config.json")) : Optional.empty());
    }

    static int[] ids(JsonNode list) {
        return StreamSupport.stream(list.spliterator(), false).mapToInt(JsonNode::intValue).toArray();
    }

    static byte[] base64(JsonNode text) {
        return Base64.getDecoder().decode(text.stringValue());
    }

    static <T> List<T> list(JsonNode list, Function<JsonNode, T> as) {
        var out = new ArrayList<T>();
        list.forEach(node -> out.add(as.apply(node)));
        return out;
    }
}
