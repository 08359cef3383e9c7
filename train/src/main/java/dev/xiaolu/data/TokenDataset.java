package dev.xiaolu.data;

import static dev.xiaolu.platform.Check.check;
import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.platform.RandomKey;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// The tokens of all documents, one behind another, in mapped files; read as sequences that tile them without overlap or gap.
///
/// Sequence `n` of length `L` holds the tokens `n·L` to `n·L + L`, the last of which is only a target and comes again as the first of the next. What is left at the end is not used.
/// Thread-safe, but for [#close].
public final class TokenDataset implements AutoCloseable {
    private static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Path folder;
    private final Arena arena;
    private final CorpusManifest manifest;
    private final CorpusManifest.Part part;
    private final List<MemorySegment> shards;
    private final MemorySegment documents;

    private TokenDataset(Path folder, Arena arena, CorpusManifest manifest, CorpusManifest.Part part, List<MemorySegment> shards, MemorySegment documents) {
        this.folder = folder;
        this.arena = arena;
        this.manifest = manifest;
        this.part = part;
        this.shards = shards;
        this.documents = documents;
    }

    /// A stretch of tokens.
    ///
    /// @param tokens one more than the length: the last is only a target
    /// @param first for each position but the last, the first position that belongs to the same document: where the document starts, 0 when it started before the sequence
    public record Sequence(int[] tokens, int[] first) {}

    static TokenDataset open(Disk disk, Path folder, CorpusManifest manifest, CorpusManifest.Part part) {
        Arena arena = Arena.ofShared();
        try {
            var shards = new ArrayList<MemorySegment>();
            long tokens = 0;
            for (; tokens < part.tokens(); tokens += shards.getLast().byteSize() / manifest.tokenBytes()) {
                shards.add(disk.map(folder.resolve(TokenWriter.shardName(shards.size())), arena));
                long wanted = Math.min(manifest.shardTokens(), part.tokens() - tokens) * manifest.tokenBytes();
                checkInput(shards.getLast().byteSize() == wanted, "%s: %s has %d bytes, wanted %d", folder, TokenWriter.shardName(shards.size() - 1), shards.getLast().byteSize(), wanted);
            }
            MemorySegment documents = disk.map(folder.resolve(TokenWriter.DOCUMENTS), arena);
            checkInput(documents.byteSize() == part.documents() * TokenWriter.DOCUMENT_BYTES, "%s: %s has %d bytes, wanted %d", folder, TokenWriter.DOCUMENTS,
                documents.byteSize(), part.documents() * TokenWriter.DOCUMENT_BYTES);
            return new TokenDataset(folder, arena, manifest, part, List.copyOf(shards), documents);
        } catch (Throwable refused) {
            arena.close();
            throw refused;
        }
    }

    /// Tokens, one end of text for each document among them.
    public long tokens() {
        return part.tokens();
    }

    /// Documents.
    public long documents() {
        return part.documents();
    }

    /// Bytes of text that the tokens stand for.
    public long bytes() {
        return part.bytes();
    }

    /// Ids are below it.
    public int vocabSize() {
        return manifest.vocabSize();
    }

    /// Sequences of this length; each gives `length` predictions.
    public long sequences(int length) {
        check(length > 0, "sequences of length %d", length);
        return Math.max(0, (part.tokens() - 1) / length);
    }

    /// Refuses a dataset too small for one sequence of this length.
    public TokenDataset atLeastOne(int length) {
        checkInput(sequences(length) > 0, "corpus %s: %d tokens of %d documents are too few for a sequence of %d; give more text in data.paths or a shorter train.sequence_length",
            manifest.source(), tokens(), documents(), length);
        return this;
    }

    /// Sequence `number`, in the order of the files: for validation.
    public Sequence sequence(long number, int length) {
        check(number >= 0 && number < sequences(length), "sequence %d of %d of length %d", number, sequences(length), length);
        int[] tokens = new int[length + 1];
        int[] first = new int[length];
        long start = number * length;
        read(start, tokens);
        long document = documentAt(start);
        int opened = 0;
        for (int i = 0; i < length; i++) {
            if (document + 1 < documents() && start(document + 1) == start + i) {
                document++;
                opened = i;
            }
            first[i] = opened;
        }
        return new Sequence(tokens, first);
    }

    /// The sequence at place `index` of step `step`, both from 0, of a run whose steps take `perStep` sequences: a function of these numbers and the seed, and of nothing that came before.
    /// Each sequence is used once before any is used again; every such epoch has its own order.
    public Sequence at(long seed, long step, int index, int perStep, int length) {
        return sequence(number(seed, step, index, perStep, length), length);
    }

    /// The sequence that a run takes once it has used `used` of this length.
    public Sequence at(long seed, long used, int length) {
        return sequence(number(seed, used, length), length);
    }

    /// The number of the sequence that [#at] gives.
    public long number(long seed, long step, int index, int perStep, int length) {
        check(step >= 0 && index >= 0 && index < perStep, "sequence %d of %d in step %d", index, perStep, step);
        return number(seed, Math.addExact(Math.multiplyExact(step, perStep), index), length);
    }

    private long number(long seed, long used, int length) {
        long count = atLeastOne(length).sequences(length);
        return new Permutation(RandomKey.ofSeed(seed).at("data").at(used / count), count).at(used % count);
    }

    /// The document that a token belongs to.
    private long documentAt(long token) {
        long low = 0;
        long high = documents() - 1;
        while (low < high) {
            long middle = (low + high + 1) >>> 1;
            if (start(middle) <= token) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return low;
    }

    private long start(long document) {
        return documents.get(I64, document * TokenWriter.DOCUMENT_BYTES);
    }

    private void read(long start, int[] tokens) {
        long shardTokens = manifest.shardTokens();
        boolean narrow = manifest.tokenBytes() == 2;
        for (int done = 0; done < tokens.length;) {
            MemorySegment shard = shards.get((int) ((start + done) / shardTokens));
            long place = (start + done) % shardTokens;
            int end = (int) Math.min(tokens.length, done + shardTokens - place);
            for (; done < end; done++, place++) {
                int id = narrow ? Short.toUnsignedInt(shard.getAtIndex(U16, place)) : shard.getAtIndex(U32, place);
                if (id < 0 || id >= manifest.vocabSize()) {
                    throw InputException.of("prepared corpus %s: token %d is %d, wanted less than %d; delete the folder, it is made anew", folder, start + done, id, manifest.vocabSize());
                }
                tokens[done] = id;
            }
        }
    }

    @Override public void close() {
        arena.close();
    }
}
