package dev.xiaolu.data;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.DiskException;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.store.FileSeal;
import dev.xiaolu.store.Sha256;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.LongConsumer;

/// Turns a corpus into token shards: tokenises on several threads, leaves out documents equal to an earlier one, holds some out for validation.
///
/// The files are a function of the corpus, the encoding and the held-out part, whatever the count of threads. They are kept under a name that is a hash of all that,
/// so the next run with the same finds them made.
///
/// @param validationFraction part of the documents that is held out: those whose SHA-256, read as a fraction, is below it. Where that leaves one side of a small corpus
///     empty, the document with the lowest hash is held out; where there is but one document, its end is.
/// @param threads how many tokenise
/// @param shardTokens tokens of a shard
public record CorpusBuilder(double validationFraction, int threads, long shardTokens) {
    /// The usual size of a shard.
    public static final long SHARD_TOKENS = 1L << 27;

    private static final int BATCH_BYTES = 1 << 18;
    private static final long VERIFIED_ON_REUSE = 1L << 30;

    public CorpusBuilder {
        check(validationFraction >= 0 && validationFraction < 1, "validationFraction is %s, wanted 0 to 1", validationFraction);
        check(threads >= 1 && shardTokens >= 1, "%d threads, %d tokens in a shard, wanted positive numbers", threads, shardTokens);
    }

    /// Shards of the usual size.
    public CorpusBuilder(double validationFraction, int threads) {
        this(validationFraction, threads, SHARD_TOKENS);
    }

    /// The prepared corpus under `cache`: the one that is there when it is whole, else a new one. `progress` is told the bytes of text done so far.
    public PreparedCorpus prepare(Disk disk, Path cache, Corpus corpus, Encoding encoding, LongConsumer progress) {
        String key = key(corpus, encoding);
        Path place = cache.resolve(key.substring(0, 24));
        if (disk.exists(place)) {
            try {
                return reuse(disk, place, key);
            } catch (InputException damaged) {
                disk.deleteTree(place);                          // it is made anew from the corpus
            }
        }
        disk.createDirectories(cache);
        removeLeftovers(disk, cache);
        Path making = cache.resolve(".making-%s-%d".formatted(place.getFileName(), ProcessHandle.current().pid()));
        disk.deleteTree(making);
        try {
            build(disk, making, corpus, encoding, key, progress);
            disk.move(making, place);
            disk.forceDirectory(cache);
        } catch (DiskException failure) {
            if (disk.exists(place)) {                            // another process was faster with the same
                disk.deleteTree(making);
                return reuse(disk, place, key);
            }
            deleteQuietly(disk, making);
            throw failure;
        } catch (RuntimeException failure) {
            deleteQuietly(disk, making);
            throw failure;
        }
        return PreparedCorpus.open(disk, place);
    }

    private static PreparedCorpus reuse(Disk disk, Path place, String key) {
        PreparedCorpus prepared = PreparedCorpus.open(disk, place);
        if (!prepared.manifest().key().equals(key)) {
            throw InputException.of("%s: made from something else", place);
        }
        if (prepared.fileBytes() <= VERIFIED_ON_REUSE) {         // reading much more would take longer than a start may
            prepared.verify();
        }
        return prepared;
    }

    private String key(Corpus corpus, Encoding encoding) {
        String made = "%d %s %s %d %d %s %d".formatted(CorpusManifest.FORMAT, corpus.fingerprint(), encoding.digest(), encoding.vocabSize(), encoding.endOfText(), validationFraction, shardTokens);
        return Sha256.hex(made.getBytes(StandardCharsets.UTF_8));
    }

    /// Half-made corpora of processes that are gone.
    private static void removeLeftovers(Disk disk, Path cache) {
        for (Path path : disk.list(cache)) {
            String name = path.getFileName().toString();
            if (name.matches("\\.making-[0-9a-f]+-\\d{1,18}") && ProcessHandle.of(Long.parseLong(name.substring(name.lastIndexOf('-') + 1))).isEmpty()) {
                deleteQuietly(disk, path);
            }
        }
    }

    private static void deleteQuietly(Disk disk, Path path) {
        try {
            disk.deleteTree(path);
        } catch (DiskException _) {
            // the next preparation tries again
        }
    }

    private void build(Disk disk, Path folder, Corpus corpus, Encoding encoding, String key, LongConsumer progress) {
        try (ExecutorService pool = Executors.newFixedThreadPool(threads, Thread.ofPlatform().daemon().name("tokenise-", 0).factory())) {
            try {
                var run = new Run(disk, folder, corpus, encoding, key, pool, progress);
                Split used = run.make(Split.byHash(validationFraction));
                if (validationFraction > 0 && used != null) {
                    disk.deleteTree(folder);
                    run.make(used);
                }
            } finally {
                pool.shutdownNow();
            }
        }
    }

    /// Which documents, and which part of a document, are held out.
    private record Split(double fraction, long lowest, boolean tail) {
        static Split byHash(double fraction) {
            return new Split(fraction, 0, false);
        }

        boolean holdsOut(long hash) {
            return fraction > 0 ? (hash >>> 11) * 0x1p-53 < fraction : hash == lowest && !tail;
        }
    }

    /// A document that is tokenised: its hash, and its tokens, with those of its held-out end apart.
    private record Done(String hash, long hashWord, int[] head, int headBytes, int[] tail, int tailBytes) {}

    private final class Run {
        private final Disk disk;
        private final Path folder;
        private final Corpus corpus;
        private final Encoding encoding;
        private final String key;
        private final ExecutorService pool;
        private final LongConsumer progress;

        Run(Disk disk, Path folder, Corpus corpus, Encoding encoding, String key, ExecutorService pool, LongConsumer progress) {
            this.disk = disk;
            this.folder = folder;
            this.corpus = corpus;
            this.encoding = encoding;
            this.key = key;
            this.pool = pool;
            this.progress = progress;
        }

        /// Makes the files; gives the split that would leave no side empty, or null when this one did.
        Split make(Split split) {
            var seals = new TreeMap<String, FileSeal>();
            int tokenBytes = encoding.vocabSize() <= 1 << 16 ? 2 : 4;
            CorpusManifest.Part train;
            CorpusManifest.Part held;
            Sorter sorter;
            Corpus.Totals totals;
            try (var trainWriter = new TokenWriter(disk, folder, PreparedCorpus.TRAIN, tokenBytes, shardTokens, encoding.endOfText(), seals);
                    var heldWriter = new TokenWriter(disk, folder, PreparedCorpus.VALIDATION, tokenBytes, shardTokens, encoding.endOfText(), seals)) {
                sorter = new Sorter(split, trainWriter, heldWriter);
                totals = tokenise(split, sorter);
                train = trainWriter.finish();
                held = heldWriter.finish();
            }
            if (validationFraction > 0 && split.fraction > 0 && (train.documents() == 0 || held.documents() == 0)) {
                return new Split(0, sorter.lowest, sorter.seen.size() == 1);
            }
            var manifest = new CorpusManifest(corpus.description(), key, encoding.digest(), encoding.vocabSize(), tokenBytes, shardTokens,
                totals.documents() - sorter.seen.size(), totals.notText(), train, held, seals);
            disk.replace(folder.resolve(CorpusManifest.FILE), manifest.toBytes());
            return null;
        }

        /// Documents go out in batches and come back in order; no more than a few batches are under way.
        private Corpus.Totals tokenise(Split split, Sorter sorter) {
            var underWay = new ArrayDeque<Future<List<Done>>>();
            var batch = new ArrayList<Document>();
            long[] bytes = new long[1];
            var totals = corpus.read(document -> {
                batch.add(document);
                bytes[0] += document.text().length;
                if (bytes[0] >= BATCH_BYTES) {
                    underWay.add(submit(split, batch));
                    batch.clear();
                    bytes[0] = 0;
                    if (underWay.size() > 2 * threads) {
                        sorter.take(underWay.remove());
                    }
                }
            });
            underWay.add(submit(split, batch));
            while (!underWay.isEmpty()) {
                sorter.take(underWay.remove());
            }
            return totals;
        }

        private Future<List<Done>> submit(Split split, List<Document> batch) {
            var documents = List.copyOf(batch);
            return pool.submit(() -> documents.stream().map(document -> encode(split, document)).toList());
        }

        private Done encode(Split split, Document document) {
            byte[] text = document.text();
            byte[] hash = Sha256.start().digest(text);
            int cut = split.tail ? cut(text) : text.length;
            byte[] tail = Arrays.copyOfRange(text, cut, text.length);
            return new Done(new String(hash, StandardCharsets.ISO_8859_1), ByteBuffer.wrap(hash).getLong(),
                ids(document, cut == text.length ? text : Arrays.copyOf(text, cut)), cut, tail.length == 0 ? new int[0] : ids(document, tail), tail.length);
        }

        private int[] ids(Document document, byte[] text) {
            int[] ids = encoding.encode(text);
            for (int id : ids) {
                check(id >= 0 && id < encoding.vocabSize(), "%s: the tokenizer gave the id %d, wanted less than %d", document.name(), id, encoding.vocabSize());
            }
            return ids;
        }

        /// Where the last part of a text begins: after a line's end, else between two characters.
        private int cut(byte[] text) {
            int cut = (int) (text.length * (1 - validationFraction));
            for (int i = cut; i < text.length; i++) {
                if (text[i] == '\n') {
                    return i + 1 < text.length ? i + 1 : cut(text, cut);
                }
            }
            return cut(text, cut);
        }

        private static int cut(byte[] text, int cut) {
            int i = cut;
            while (i < text.length && (text[i] & 0xC0) == 0x80) {
                i++;
            }
            return i;
        }

        /// Takes finished documents in the order of the corpus.
        private final class Sorter {
            private final Split split;
            private final TokenWriter train;
            private final TokenWriter held;
            private final Set<String> seen = new HashSet<>();
            private long lowest = -1;
            private long bytes;

            Sorter(Split split, TokenWriter train, TokenWriter held) {
                this.split = split;
                this.train = train;
                this.held = held;
            }

            void take(Future<List<Done>> batch) {
                for (Done done : wait(batch)) {
                    bytes += done.headBytes + done.tailBytes;
                    if (seen.add(done.hash)) {
                        if (seen.size() == 1 || Long.compareUnsigned(done.hashWord, lowest) < 0) {
                            lowest = done.hashWord;
                        }
                        (split.holdsOut(done.hashWord) ? held : train).add(done.head, done.headBytes);
                        if (done.tailBytes > 0) {
                            held.add(done.tail, done.tailBytes);
                        }
                    }
                }
                progress.accept(bytes);
            }

            private static List<Done> wait(Future<List<Done>> batch) {
                try {
                    return batch.get();
                } catch (ExecutionException failed) {
                    throw failed.getCause() instanceof RuntimeException failure ? failure : new IllegalStateException(failed.getCause());
                } catch (InterruptedException stopped) {
                    Thread.currentThread().interrupt();
                    throw new IllegalStateException("interrupted while a corpus was prepared", stopped);
                }
            }
        }
    }
}
