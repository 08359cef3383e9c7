package dev.xiaolu.data;

import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.platform.InputException;
import dev.xiaolu.store.FileSeal;
import dev.xiaolu.store.SealedJson;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// What a prepared corpus holds, under `manifest.json` in its folder. Sealed, so that a half-written one is no manifest.
///
/// @param source the corpus in words
/// @param key the hash of everything that the corpus was made from
/// @param tokenizer the digest of the tokenizer
/// @param vocabSize ids are below it
/// @param tokenBytes bytes of one token in the files: 2 or 4
/// @param shardTokens tokens of every shard but the last
/// @param duplicates documents left out because an equal one came before
/// @param notText files left out because they are no text
/// @param train what is learned from
/// @param validation what is held out; may be empty
/// @param files every other file, by its path below the folder
record CorpusManifest(String source, String key, String tokenizer, int vocabSize, int tokenBytes, long shardTokens, long duplicates, long notText, Part train, Part validation, Map<String, FileSeal> files) {
    static final String FILE = "manifest.json";
    static final int FORMAT = 1;

    /// The counts of one part.
    ///
    /// @param documents documents
    /// @param tokens tokens, one end of text for each document among them
    /// @param bytes bytes of text
    record Part(long documents, long tokens, long bytes) {
        private static Part of(JsonNode json) {
            return new Part(json.required("documents").longValue(), json.required("tokens").longValue(), json.required("bytes").longValue());
        }
    }

    byte[] toBytes() {
        var json = new LinkedHashMap<String, Object>();
        json.put("format", FORMAT);
        json.put("source", source);
        json.put("key", key);
        json.put("tokenizer", tokenizer);
        json.put("vocab_size", vocabSize);
        json.put("token_bytes", tokenBytes);
        json.put("shard_tokens", shardTokens);
        json.put("duplicates", duplicates);
        json.put("not_text", notText);
        json.put("train", train);
        json.put("validation", validation);
        json.put("files", new TreeMap<>(files));
        return SealedJson.write(json);
    }

    static CorpusManifest parse(String subject, byte[] bytes) {
        JsonNode json = SealedJson.read(subject, bytes);
        try {
            checkInput(json.required("format").asInt(0) == FORMAT, "its format is %s, this program reads %d", json.get("format"), FORMAT);
            var files = new TreeMap<String, FileSeal>();
            json.required("files").forEachEntry((name, seal) ->
                files.put(name, new FileSeal(seal.required("bytes").longValue(), seal.required("sha256").stringValue(), seal.required("crc32c").stringValue())));
            return new CorpusManifest(json.required("source").stringValue(), json.required("key").stringValue(), json.required("tokenizer").stringValue(),
                json.required("vocab_size").intValue(), json.required("token_bytes").intValue(), json.required("shard_tokens").longValue(), json.required("duplicates").longValue(),
                json.required("not_text").longValue(), Part.of(json.required("train")), Part.of(json.required("validation")), files);
        } catch (JacksonException | InputException unfit) {
            throw new InputException("%s is not as this program writes it: %s".formatted(subject, unfit.getMessage()), unfit);
        }
    }
}
