package dev.xiaolu.tokenizer;

import dev.xiaolu.platform.Disk;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicReference;

/// A byte-level BPE tokenizer as Hugging Face publishes it: text to token ids and back.
///
/// Reads the `tokenizer.json` of Llama 3, Qwen, DeepSeek, GPT-2 and their like, and gives the ids that the original gives; what it does not
/// support is refused by name when it is read. Immutable and thread-safe; for much text make one [Encoder] for each thread.
public final class Tokenizer {
    private final Encoder.Parts parts;
    private final Vocabulary vocabulary;
    private final List<AddedToken> added;
    private final SpecialTokens special;
    private final byte[] json;
    private final Optional<byte[]> config;
    private final AtomicReference<Encoder> spare = new AtomicReference<>();

    Tokenizer(Encoder.Parts parts, Vocabulary vocabulary, List<AddedToken> added, SpecialTokens special, byte[] json, Optional<byte[]> config) {
        this.parts = parts;
        this.vocabulary = vocabulary;
        this.added = List.copyOf(added);
        this.special = special;
        this.json = json;
        this.config = config;
    }

    /// Reads a folder with `tokenizer.json` and, if there is one, `tokenizer_config.json`; or such a `tokenizer.json` itself.
    public static Tokenizer load(Path path) {
        return load(Disk.real(), path);
    }

    /// [#load(Path)] on the given file system.
    public static Tokenizer load(Disk disk, Path path) {
        return TokenizerReader.load(disk, path);
    }

    /// Reads the content of the two files; `subject` opens the messages.
    public static Tokenizer of(String subject, byte[] tokenizerJson, Optional<byte[]> tokenizerConfig) {
        return TokenizerReader.read(subject, tokenizerJson, tokenizerConfig);
    }

    /// An encoder for one thread.
    public Encoder encoder() {
        return new Encoder(parts);
    }

    /// An encoder for one thread that looks for no added tokens: where their names stand in a text, they are letters like any others.
    /// For text from outside, which must not steer the model.
    public Encoder plainEncoder() {
        return new Encoder(parts.plain());
    }

    /// The tokens of a text, with those that the tokenizer puts before and behind it when `addSpecial`; half a surrogate pair reads as U+FFFD.
    public int[] encode(String text, boolean addSpecial) {
        return encode(Utf8.bytesOf(text), addSpecial);
    }

    /// The tokens of a text in UTF-8; what is not valid reads as U+FFFD, see [Encoder].
    public int[] encode(byte[] utf8, boolean addSpecial) {
        return encode(ByteBuffer.wrap(utf8), addSpecial);
    }

    /// The tokens of what remains in a buffer, whose position stays where it is.
    public int[] encode(ByteBuffer utf8, boolean addSpecial) {
        Encoder encoder = spare.getAndSet(null);                           // one is kept with its words, more are made when threads meet
        if (encoder == null) {
            encoder = encoder();
        }
        encoder.encode(utf8, addSpecial);
        int[] ids = encoder.ids();
        spare.set(encoder);
        return ids;
    }

    /// The text of some tokens; bytes that are no valid UTF-8 become U+FFFD. An id without a token adds nothing, as some models have more
    /// rows than their tokenizer has tokens. With `skipSpecial` special tokens add nothing either.
    public String decode(int[] ids, boolean skipSpecial) {
        byte[] bytes = decodeBytes(ids, skipSpecial);
        return Utf8.text(bytes, 0, bytes.length);
    }

    /// The bytes of some tokens, valid UTF-8 or not; see [#decode].
    public byte[] decodeBytes(int[] ids, boolean skipSpecial) {
        int length = 0;
        for (int id : ids) {
            length = Math.addExact(length, skipSpecial && vocabulary.special(id) ? 0 : vocabulary.length(id));
        }
        byte[] out = new byte[length];
        int at = 0;
        for (int id : ids) {
            int more = skipSpecial && vocabulary.special(id) ? 0 : vocabulary.length(id);
            if (more > 0) {
                vocabulary.copy(id, out, at);
                at += more;
            }
        }
        return out;
    }

    /// A decoder that takes one token after another.
    public TextStream stream(boolean skipSpecial) {
        return new TextStream(vocabulary, skipSpecial);
    }

    /// The highest id plus one: the least number of rows that an embedding needs.
    public int vocabSize() {
        return vocabulary.size();
    }

    /// The id of a token as it is written in the file (`Ġthe` for ` the`).
    public OptionalInt idOf(String token) {
        int id = vocabulary.id(token);
        return id < 0 ? OptionalInt.empty() : OptionalInt.of(id);
    }

    /// The token of an id as it is written in the file.
    public Optional<String> tokenOf(int id) {
        return Optional.ofNullable(vocabulary.token(id));
    }

    /// The number of bytes that a token adds to a decoded text.
    public int bytesOf(int id) {
        return vocabulary.length(id);
    }

    /// Whether a token steers the model and is no text.
    public boolean isSpecial(int id) {
        return vocabulary.special(id);
    }

    /// The tokens that are found as a whole, in the order of the file.
    public List<AddedToken> addedTokens() {
        return added;
    }

    /// The token that begins a text, where `tokenizer_config.json` names one.
    public OptionalInt bos() {
        return special.bos();
    }

    /// The token that ends a text, where `tokenizer_config.json` names one.
    public OptionalInt eos() {
        return special.eos();
    }

    /// The token that fills up a batch, where `tokenizer_config.json` names one.
    public OptionalInt pad() {
        return special.pad();
    }

    /// The `tokenizer.json` that this tokenizer was read from.
    byte[] json() {
        return json;
    }

    /// Writes the files that this tokenizer was read from into a folder, byte for byte, each in one indivisible step.
    public void save(Disk disk, Path folder) {
        disk.createDirectories(folder);
        config.ifPresent(bytes -> disk.replace(folder.resolve(TokenizerReader.CONFIG), bytes));
        disk.replace(folder.resolve(TokenizerReader.JSON), json);
    }
}
