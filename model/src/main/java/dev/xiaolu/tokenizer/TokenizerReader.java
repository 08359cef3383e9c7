package dev.xiaolu.tokenizer;

import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.store.Json;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.UnaryOperator;

/// Reads `tokenizer.json` and `tokenizer_config.json`; every part that would change the tokens and is not supported is refused by its path.
final class TokenizerReader {
    static final String JSON = "tokenizer.json";
    static final String CONFIG = "tokenizer_config.json";

    /// Ids are below this; the largest vocabularies in use have a sixteenth of it.
    static final int MOST_IDS = 1 << 22;
    private static final long MOST_BYTES = 256L << 20;

    private final String subject;
    private final Fields root;
    private final Optional<Fields> config;
    private final List<AddedToken> added = new ArrayList<>();
    private Vocabulary vocabulary;
    private SpecialTokens special;

    private TokenizerReader(String subject, byte[] json, Optional<byte[]> configJson) {
        this.subject = subject;
        root = new Fields(subject, Json.readObject(subject, json));
        config = configJson.map(bytes -> new Fields(CONFIG, Json.readObject(CONFIG, bytes)));
    }

    static Tokenizer load(Disk disk, Path path) {
        boolean folder = disk.isDirectory(path);
        Path json = folder ? path.resolve(JSON) : path;
        Path config = json.resolveSibling(CONFIG);
        checkInput(disk.exists(json), "%s: no such file, wanted a tokenizer.json of byte-level BPE", json);
        return read(json.toString(), bytes(disk, json), disk.exists(config) ? Optional.of(bytes(disk, config)) : Optional.empty());
    }

    private static byte[] bytes(Disk disk, Path file) {
        checkInput(disk.size(file) <= MOST_BYTES, "%s: %d bytes, wanted at most %d", file, disk.size(file), MOST_BYTES);
        return disk.read(file);
    }

    static Tokenizer read(String subject, byte[] json, Optional<byte[]> config) {
        return new TokenizerReader(subject, json, config).read(json, config);
    }

    private Tokenizer read(byte[] json, Optional<byte[]> configJson) {
        if (root.has("version") && !root.text("version").equals("1.0")) {
            throw root.wrong("version", "1.0");
        }
        root.refuse("truncation", "set it to null: texts are never cut in silence");
        root.refuse("padding", "set it to null: no tokens are added to fill up");
        BpeReader bpe = BpeReader.read(root.object("model"));
        if (root.has("added_tokens")) {
            readAdded(bpe.vocab());
        }
        TextNormalizer normalizer = new TextNormalizer(root.has("normalizer") ? normalForms(root.object("normalizer")) : List.of());
        vocabulary = new Vocabulary(bpe.vocab(), added, normalizer);
        special = new SpecialTokens(named("bos_token"), named("eos_token"), named("pad_token"));
        Stage splitter = PreTokenizerReader.read(root.object("pre_tokenizer"));
        readDecoder(root.object("decoder"));
        List<Integer> before = new ArrayList<>();
        List<Integer> after = new ArrayList<>();
        readTemplate(before, after);
        root.refuseOthers();
        var parts = new Encoder.Parts(normalizer,
            new AddedTokens(added.stream().filter(token -> !token.normalized()).toList(), UnaryOperator.identity()),
            new AddedTokens(added.stream().filter(AddedToken::normalized).toList(), normalizer), splitter, bpe.model(), ints(before), ints(after));
        return new Tokenizer(parts, vocabulary, added, special, json, configJson);
    }

    private static int[] ints(List<Integer> ids) {
        return ids.stream().mapToInt(Integer::intValue).toArray();
    }

    /// Hugging Face numbers added tokens itself, by their order; a file that says otherwise has two meanings and is refused.
    private void readAdded(Map<String, Integer> vocab) {
        var seen = new java.util.HashSet<String>();
        var taken = new java.util.HashSet<>(vocab.values());
        int highest = -1;
        for (Fields fields : root.objects("added_tokens")) {
            String content = fields.text("content");
            int id = fields.id("id");
            checkInput(!content.isEmpty(), "%s: the added token has no content", fields.path());
            checkInput(seen.add(content), "%s: the added token %s is there twice", fields.path(), content);
            Integer known = vocab.get(content);
            int expected = known != null ? known : Math.max(highest + 1, vocab.size());
            checkInput(id == expected, "%s: the added token %s has the id %d, wanted %d, %s", fields.path(), content, id, expected,
                known != null ? "which it has in the vocabulary" : "the first id behind the vocabulary and the added tokens before it");
            checkInput(known != null || taken.add(id), "%s: the added token %s has the id %d, which another token has", fields.path(), content, id);
            highest = Math.max(highest, id);
            added.add(new AddedToken(id, content, fields.flag("special", false), fields.flag("single_word", false), fields.flag("lstrip", false),
                fields.flag("rstrip", false), fields.flag("normalized", !fields.flag("special", false))));
            fields.refuseOthers();
        }
    }

    private List<Normalizer.Form> normalForms(Fields fields) {
        List<Normalizer.Form> forms = new ArrayList<>();
        String type = fields.text("type");
        switch (type) {
            case "NFC", "NFD", "NFKC", "NFKD" -> forms.add(Normalizer.Form.valueOf(type));
            case "Sequence" -> fields.objects("normalizers").forEach(inner -> forms.addAll(normalForms(inner)));
            default -> throw InputException.of("%s: the type %s is not supported, wanted NFC, NFD, NFKC, NFKD or Sequence", fields.path(), type);
        }
        fields.refuseOthers();
        return forms;
    }

    private void readDecoder(Fields fields) {
        if (!isByteLevel(fields)) {
            throw InputException.of("%s: no step of type ByteLevel, wanted one; only byte-level BPE is supported", fields.path());
        }
    }

    private static boolean isByteLevel(Fields fields) {
        String type = fields.text("type");
        switch (type) {
            case "ByteLevel" -> {
                fields.harmless("add_prefix_space", "trim_offsets", "use_regex");
                fields.refuseOthers();
                return true;
            }
            case "Fuse" -> {
                fields.refuseOthers();
                return false;
            }
            case "Sequence" -> {
                boolean found = false;
                for (Fields inner : fields.objects("decoders")) {
                    checkInput(!found || inner.text("type").equals("Fuse"), "%s: a step behind ByteLevel, which is not supported", inner.path());
                    found |= isByteLevel(inner);
                }
                fields.refuseOthers();
                return found;
            }
            default -> throw InputException.of("%s: the type %s is not supported, wanted ByteLevel or Sequence", fields.path(), type);
        }
    }

    /// What stands before and behind a text: from the post-processor, or from `add_bos_token` and `add_eos_token` where the
    /// config has them, which then replace it.
    private void readTemplate(List<Integer> before, List<Integer> after) {
        if (root.has("post_processor")) {
            addTemplate(root.object("post_processor"), before, after);
        }
        if (config.isPresent() && (config.get().has("add_bos_token") || config.get().has("add_eos_token"))) {
            before.clear();
            after.clear();
            if (config.get().flag("add_bos_token", false)) {
                special.bos().ifPresent(before::add);
            }
            if (config.get().flag("add_eos_token", false)) {
                special.eos().ifPresent(after::add);
            }
        }
    }

    private void addTemplate(Fields fields, List<Integer> before, List<Integer> after) {
        String type = fields.text("type");
        switch (type) {
            case "ByteLevel" -> fields.harmless("add_prefix_space", "trim_offsets", "use_regex");      // offsets only
            case "Sequence" -> fields.objects("processors").forEach(inner -> addTemplate(inner, before, after));
            case "TemplateProcessing" -> {
                fields.harmless("pair");                                                               // only single texts are encoded
                Fields tokens = fields.object("special_tokens");
                tokens.all();
                List<Integer> side = new ArrayList<>();
                boolean behind = false;
                for (Fields piece : fields.objects("single")) {
                    if (piece.has("SpecialToken")) {
                        Fields token = piece.object("SpecialToken");
                        token.harmless("type_id");
                        side.addAll(templateIds(tokens.object(token.text("id"))));
                        token.refuseOthers();
                    } else {
                        Fields sequence = piece.object("Sequence");
                        sequence.harmless("type_id");
                        if (behind || !sequence.text("id").equals("A")) {
                            throw sequence.wrong("id", "the sequence A, once");
                        }
                        sequence.refuseOthers();
                        behind = true;
                        before.addAll(0, side);
                        side.clear();
                    }
                    piece.refuseOthers();
                }
                checkInput(behind, "%s.single: the sequence A is missing", fields.path());
                after.addAll(side);
            }
            default -> throw InputException.of("%s: the type %s is not supported, wanted TemplateProcessing, ByteLevel or Sequence", fields.path(), type);
        }
        fields.refuseOthers();
    }

    private List<Integer> templateIds(Fields token) {
        List<Integer> ids = new ArrayList<>();
        token.harmless("id", "tokens");
        for (var id : token.list("ids")) {
            if (!Fields.isId(id) || vocabulary.token(id.intValue()) == null) {
                throw token.wrong("ids", "ids of tokens");
            }
            ids.add(id.intValue());
        }
        token.refuseOthers();
        return ids;
    }

    /// The id of a token that the config names, as a text or as an object with `content`.
    private OptionalInt named(String key) {
        if (config.isEmpty() || !config.get().has(key)) {
            return OptionalInt.empty();
        }
        Fields fields = config.get();
        String content = fields.all().get(key).isObject() ? fields.object(key).text("content") : fields.text(key);
        int id = vocabulary.id(content);
        checkInput(id >= 0, "%s.%s: the token %s is not in %s", CONFIG, key, content, subject);
        return OptionalInt.of(id);
    }
}
