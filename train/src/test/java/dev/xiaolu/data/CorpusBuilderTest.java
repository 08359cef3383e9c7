package dev.xiaolu.data;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.DiskException;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.testkit.FaultyDisk;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CorpusBuilderTest {
    @TempDir Path folder;
    private Path texts;


    @BeforeEach void writeTexts() throws IOException {
        texts = Files.createDirectories(folder.resolve("texts"));
        var random = new Random(11);
        for (int i = 0; i < 120; i++) {
            Files.writeString(texts.resolve("%03d.txt".formatted(i)), "text %d ünï ".formatted(i).repeat(random.nextInt(1, 400)));
        }
    }

    private Corpus corpus() {
        return Corpus.open(new Corpus.Config(List.of(texts), List.of(), "text", 0));
    }

    private PreparedCorpus prepare(String cache, int threads) {
        return prepare(cache, threads, new Bytes());
    }

    /// On a disk without faults, whose forcing costs no time.
    private PreparedCorpus prepare(String cache, int threads, Encoding encoding) {
        return new CorpusBuilder(0.2, threads, 10_000).prepare(new FaultyDisk(), folder.resolve(cache), corpus(), encoding, _ -> {});
    }

    private static Map<String, byte[]> files(Path folder) throws IOException {
        var files = new TreeMap<String, byte[]>();
        try (var walk = Files.walk(folder)) {
            for (Path file : walk.filter(Files::isRegularFile).toList()) {
                files.put(folder.relativize(file).toString(), Files.readAllBytes(file));
            }
        }
        return files;
    }

    /// All tokens, as a sequence of length 1 gives its first.
    private static byte[] text(TokenDataset dataset) {
        var text = new ByteArrayOutputStream();
        for (long i = 0; i < dataset.sequences(1); i++) {
            text.write(dataset.sequence(i, 1).tokens()[0] - 1);
        }
        return text.toByteArray();
    }

    @Test void filesAreTheSameForAnyCountOfThreads() throws IOException {
        var one = files(prepare("one", 1).folder());
        var four = files(prepare("four", 4).folder());
        assertEquals(one.keySet(), four.keySet());
        one.forEach((name, bytes) -> assertArrayEquals(bytes, four.get(name), name));
        assertTrue(one.size() > 10, "only " + one.keySet());
    }

    @Test void everyDocumentIsInOnePartAndWhole() {
        var prepared = prepare("cache", 2);
        prepared.verify();
        try (var train = prepared.train(); var held = prepared.validation()) {
            assertEquals(120, train.documents() + held.documents());
            assertTrue(held.documents() > 10 && held.documents() < 40, held.documents() + " documents are held out");
            long[] bytes = new long[1];
            var all = new StringBuilder("\n");
            corpus().read(document -> {
                bytes[0] += document.text().length;
                all.append(new String(document.text(), UTF_8)).append('\n');
            });
            assertEquals(bytes[0], train.bytes() + held.bytes());
            assertEquals(bytes[0] + 120, train.tokens() + held.tokens());
            for (byte[] part : new byte[][] {text(train), text(held)}) {
                for (String document : new String(part, UTF_8).split("\uFFFD")) {
                    assertTrue(all.indexOf("\n" + document + "\n") >= 0, document);
                }
            }
        }
    }

    @Test void equalDocumentsAreTakenOnce() throws IOException {
        Files.copy(texts.resolve("007.txt"), texts.resolve("copy.txt"));
        Files.copy(texts.resolve("008.txt"), texts.resolve("another.txt"));
        var prepared = prepare("cache", 2);
        assertEquals(2, prepared.duplicates());
        try (var train = prepared.train(); var held = prepared.validation()) {
            assertEquals(120, train.documents() + held.documents());
        }
    }

    @Test void whatIsHeldOutFollowsFromTheTextAlone() throws IOException {
        Map<String, byte[]> before = files(prepare("before", 2).folder());
        for (int i = 0; i < 120; i++) {
            Files.move(texts.resolve("%03d.txt".formatted(i)), texts.resolve("%03d.md".formatted(i)));
        }
        Map<String, byte[]> after = files(prepare("after", 2).folder());
        assertArrayEquals(before.get("validation/tokens-00000.bin"), after.get("validation/tokens-00000.bin"));
    }

    @Test void preparedCorpusIsUsedAgainUntilSomethingChanges() throws IOException {
        Path first = prepare("cache", 2).folder();
        FileTime made = Files.getLastModifiedTime(first.resolve("manifest.json"));
        assertEquals(first, prepare("cache", 1).folder());
        assertEquals(made, Files.getLastModifiedTime(first.resolve("manifest.json")));
        assertNotEquals(first, prepare("cache", 1, new Bytes(257, "other", b -> b + 1)).folder());
        Files.writeString(texts.resolve("000.txt"), "changed");
        assertNotEquals(first, prepare("cache", 1).folder());
        assertNotEquals(first, new CorpusBuilder(0.3, 1, 10_000).prepare(Disk.real(), folder.resolve("cache"), corpus(), new Bytes(), _ -> {}).folder());
    }

    @Test void damagedPreparedCorpusIsMadeAnew() throws IOException {
        Path place = prepare("cache", 2).folder();
        Map<String, byte[]> whole = files(place);
        for (String name : new String[] {"manifest.json", "train/tokens-00000.bin", "train/documents.bin", "validation/tokens-00001.bin", "validation/documents.bin"}) {
            byte[] bytes = whole.get(name).clone();
            bytes[bytes.length / 2] ^= 1;
            Files.write(place.resolve(name), bytes);
            files(prepare("cache", 2).folder()).forEach((file, found) -> assertArrayEquals(whole.get(file), found, file));
            Files.delete(place.resolve(name));
            files(prepare("cache", 2).folder()).forEach((file, found) -> assertArrayEquals(whole.get(file), found, file));
        }
    }

    @Test void preparationKilledAnywhereLeavesNothingThatIsUsed() throws IOException {
        Path small = Files.createDirectories(folder.resolve("small"));
        for (int i = 0; i < 6; i++) {
            Files.writeString(small.resolve(i + ".txt"), "text " + i);
        }
        var corpus = Corpus.open(new Corpus.Config(List.of(small), List.of(), "text", 0));
        var builder = new CorpusBuilder(0.5, 1, 16);
        var calm = new FaultyDisk();
        Map<String, byte[]> wanted = files(builder.prepare(calm, folder.resolve("calm"), corpus, new Bytes(), _ -> {}).folder());
        assertTrue(calm.operations() > 20);
        for (long at = 0; at < calm.operations(); at++) {
            Path cache = folder.resolve("killed" + at);
            var dying = new FaultyDisk().killAt(at);
            assertThrows(FaultyDisk.Killed.class, () -> builder.prepare(dying, cache, corpus, new Bytes(), _ -> {}));
            var prepared = builder.prepare(new FaultyDisk(), cache, corpus, new Bytes(), _ -> {});
            files(prepared.folder()).forEach((file, found) -> assertArrayEquals(wanted.get(file), found, file));
        }
        for (long room = 0; room < calm.written(); room += 17) {
            Path cache = folder.resolve("full" + room);
            var full = new FaultyDisk().room(room);
            assertTrue(assertThrows(DiskException.class, () -> builder.prepare(full, cache, corpus, new Bytes(), _ -> {})).isFull());
            assertEquals(List.of(), Disk.real().list(cache));
        }
    }

    @Test void singleDocumentGivesItsEndToValidation() throws IOException {
        Path book = Files.writeString(folder.resolve("book.txt"), "A line of a long book, ünïcode and all.\n".repeat(100));
        var corpus = Corpus.open(new Corpus.Config(List.of(book), List.of(), "text", 0));
        var prepared = new CorpusBuilder(0.02, 2).prepare(Disk.real(), folder.resolve("cache"), corpus, new Bytes(), _ -> {});
        try (var train = prepared.train(); var held = prepared.validation()) {
            assertEquals(1, train.documents());
            assertEquals(1, held.documents());
            assertEquals(Files.size(book), train.bytes() + held.bytes());
            assertEquals("A line of a long book, ünïcode and all.\n", new String(text(held), UTF_8));
        }
    }

    @Test void fewDocumentsStillHoldOneOut() throws IOException {
        Path few = Files.createDirectories(folder.resolve("few"));
        for (int i = 0; i < 3; i++) {
            Files.writeString(few.resolve(i + ".txt"), "text " + i);
        }
        var corpus = Corpus.open(new Corpus.Config(List.of(few), List.of(), "text", 0));
        var prepared = new CorpusBuilder(0.001, 2).prepare(Disk.real(), folder.resolve("cache"), corpus, new Bytes(), _ -> {});
        try (var train = prepared.train(); var held = prepared.validation()) {
            assertEquals(2, train.documents());
            assertEquals(1, held.documents());
        }
        prepared = new CorpusBuilder(0, 2).prepare(Disk.real(), folder.resolve("cache"), corpus, new Bytes(), _ -> {});
        try (var train = prepared.train(); var held = prepared.validation()) {
            assertEquals(3, train.documents());
            assertEquals(0, held.tokens());
            assertEquals(0, held.sequences(4));
        }
    }

    @Test void failureOfATokenizerComesThroughAndLeavesNothing() {
        var strange = new Bytes(100, "strange", b -> b + 1);
        assertTrue(assertThrows(IllegalArgumentException.class, () -> prepare("cache", 2, strange)).getMessage().contains("the tokenizer gave the id"));
        assertEquals(List.of(), Disk.real().list(folder.resolve("cache")));
    }

    @Test void badTextStopsThePreparationAndIsNamed() throws IOException {
        Files.write(texts.resolve("bad.txt"), new byte[] {'a', (byte) 0xFF});
        var strict = Corpus.open(new Corpus.Config(List.of(texts), List.of("**.txt"), "text", 0));
        var told = assertThrows(InputException.class, () -> new CorpusBuilder(0.2, 2).prepare(Disk.real(), folder.resolve("cache"), strict, new Bytes(), _ -> {}));
        assertTrue(told.getMessage().startsWith(texts.resolve("bad.txt") + ": not UTF-8, byte 1"), told.getMessage());
        assertFalse(Disk.real().list(folder.resolve("cache")).stream().anyMatch(path -> true));
    }

    @Test void defaultCorpusIsTheJdksSourcesElseTheProjectItself() throws IOException {
        Path jdk = Files.createDirectories(folder.resolve("jdk/lib"));
        Path tree = Files.createDirectories(folder.resolve("tree/core/src/main/java"));
        Files.createDirectories(folder.resolve("tree/docs"));
        Files.createDirectories(folder.resolve("tree/runs/src"));
        Files.writeString(folder.resolve("tree/pom.xml"), "<project/>");
        Files.writeString(tree.resolve("A.java"), "class A {}");
        var own = DefaultCorpus.find(jdk.getParent(), tree, 1000);
        assertTrue(own.notice().startsWith(jdk.resolve("src.zip") + " is missing, so the run learns from this project's own tree in " + folder.resolve("tree")), own.notice());
        assertEquals(1, Corpus.open(own.config()).read(_ -> {}).documents());
        assertTrue(assertThrows(InputException.class, () -> DefaultCorpus.find(jdk.getParent(), folder, 0)).getMessage().contains("install a JDK with its sources or give data.paths"));
        Files.writeString(jdk.resolve("src.zip"), "");
        assertEquals("", DefaultCorpus.find(jdk.getParent(), tree, 1000).notice());
        assertEquals(List.of(jdk.resolve("src.zip")), DefaultCorpus.find(jdk.getParent(), tree, 1000).config().paths());
    }
}
