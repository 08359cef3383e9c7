package dev.xiaolu.data;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.luben.zstd.ZstdOutputStream;
import dev.xiaolu.platform.InputException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CorpusTest {
    @TempDir Path folder;

    private Path write(String name, String text) throws IOException {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, text);
    }

    private Path zip(String name, String... entries) throws IOException {
        Path file = folder.resolve(name);
        try (var zip = new ZipOutputStream(Files.newOutputStream(file))) {
            for (String entry : entries) {
                zip.putNextEntry(new ZipEntry(entry));
                zip.write(("text of " + entry + " ").repeat(20).getBytes(UTF_8));
            }
        }
        return file;
    }

    private static Corpus open(long maxBytes, List<String> include, Path... paths) {
        return Corpus.open(new Corpus.Config(List.of(paths), include, "text", maxBytes));
    }

    private static List<String> texts(Corpus corpus) {
        var texts = new ArrayList<String>();
        corpus.read(document -> texts.add(new String(document.text(), UTF_8)));
        return texts;
    }

    private static String refusal(Path... paths) {
        return assertThrows(InputException.class, () -> open(0, List.of(), paths).read(_ -> {})).getMessage();
    }

    @Test void foldersAreReadInTheOrderOfNamesWithoutWhatIsHiddenOrBinary() throws IOException {
        write("in/b.txt", "b");
        write("in/a/z.java", "az");
        write("in/a.txt", "a");
        write("in/a/b/c.md", "abc");
        write("in/.git/config", "hidden");
        write("in/.hidden", "hidden");
        write("in/picture.png", "binary");
        write("in/empty.txt", "");
        assertEquals(List.of("a", "abc", "az", "b"), texts(open(0, List.of(), folder.resolve("in"))));     // '.' sorts before '/'
        assertEquals(List.of("abc", "az"), texts(open(0, List.of("a/**"), folder.resolve("in"))));
        assertEquals(List.of("a", "b"), texts(open(0, List.of("*.txt"), folder.resolve("in"))));
        assertEquals(List.of("a", "az", "b"), texts(open(0, List.of("**/*.txt", "**.java"), folder.resolve("in"))));
    }

    @Test void archiveIsReadInTheOrderOfNamesWhateverItsOwn() throws IOException {
        Path zip = zip("z.zip", "java.base/b/B.java", "java.base/A.java", "readme.txt", "other/C.java", "pic.png");
        assertEquals(List.of("A", "B", "C", "readme"), names(open(0, List.of(), zip)));
        assertEquals(List.of("A", "B"), names(open(0, List.of("java.base/**.java"), zip)));
        assertEquals(List.of("A", "B", "C"), names(open(0, List.of("**.java"), folder)));                  // an archive inside a folder
    }

    private static List<String> names(Corpus corpus) {
        var names = new ArrayList<String>();
        corpus.read(document -> names.add(document.name().replaceAll(".*[ /]([^/.]*)\\.[a-z]*$", "$1")));
        return names;
    }

    @ParameterizedTest
    @ValueSource(strings = {"a.jsonl", "a.jsonl.gz", "a.jsonl.zst"})
    void linesOfJsonAreDocuments(String name) throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (OutputStream out = name.endsWith(".gz") ? new GZIPOutputStream(bytes) : name.endsWith(".zst") ? new ZstdOutputStream(bytes) : bytes) {
            out.write("{\"text\":\"one\",\"id\":1}\r\n\n{\"meta\":{\"text\":\"no\"},\"text\":\"zwei \\n \\u00fc\"}\n  \n{\"text\":\"\"}\n".getBytes(UTF_8));
            out.write(("{\"text\":\"" + "long ".repeat(50_000) + "\"}\n{\"text\":\"last\"}").getBytes(UTF_8));
        }
        Files.write(folder.resolve(name), bytes.toByteArray());
        assertEquals(List.of("one", "zwei \n ü", "long ".repeat(50_000), "last"), texts(open(0, List.of(), folder.resolve(name))));
        if (!name.endsWith("l")) {
            Files.write(folder.resolve(name), Arrays.copyOf(bytes.toByteArray(), bytes.size() / 2));
            String refusal = refusal(folder.resolve(name));
            assertTrue(refusal.startsWith(folder.resolve(name) + ": after line ") && refusal.endsWith("; the file is damaged or cut short"), refusal);
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "{\"text\":\"a\"            | line 3: not valid JSON, column",
        "[1]                        | line 3: not a JSON object",
        "{\"body\":\"a\",\"n\":2}   | line 3: no field 'text' among [body, n]; name the field with the text by data.text_field",
        "{\"text\":5}               | line 3: field 'text' is no text",
        "{\"text\":\"a\"} {}        | line 3: more than one JSON object",
        "{\"text\":\"a\",\"text\":\"b\"} | line 3: not valid JSON, column",
    })
    void badLineIsNamed(String line, String words) throws IOException {
        Path file = write("bad.jsonl", "{\"text\":\"good\"}\n\n" + line + "\n");
        assertTrue(refusal(file).startsWith(file + " " + words), refusal(file));
    }

    @ParameterizedTest
    @ValueSource(strings = {"snappy", "zstd"})
    void columnOfParquetIsDocuments(String codec) throws IOException {
        Path file = folder.resolve("d.parquet");
        try (var in = CorpusTest.class.getResourceAsStream("documents-" + codec + ".parquet")) {
            Files.copy(in, file);
        }
        var wanted = new ArrayList<String>();
        for (int n = 0; n < 3000; n++) {
            if (n % 7 != 0 && n % 11 != 0) {
                wanted.add(n % 5 == 0 ? "document " + n + " – ünïcode 名字 🦌" : "document " + n);
            }
        }
        assertEquals(wanted, texts(open(0, List.of(), file)));
        assertEquals(wanted, texts(open(0, List.of(), folder)));
        String refusal = assertThrows(InputException.class, () -> Corpus.open(new Corpus.Config(List.of(file), List.of(), "body", 0)).read(_ -> {})).getMessage();
        assertEquals(file + ": no column 'body' among [id, text]; name the column with the text by data.text_field", refusal);
        assertTrue(assertThrows(InputException.class, () -> Corpus.open(new Corpus.Config(List.of(file), List.of(), "id", 0)).read(_ -> {})).getMessage().contains("column 'id' is no text"));
        var ours = new IllegalStateException("ours");
        assertEquals(ours, assertThrows(IllegalStateException.class, () -> open(0, List.of(), file).read(_ -> { throw ours; })));
        byte[] whole = Files.readAllBytes(file);
        for (int length : new int[] {0, 3, 100, whole.length / 2, whole.length - 1}) {
            Files.write(file, Arrays.copyOf(whole, length));
            assertTrue(refusal(file).startsWith(file + ": "), refusal(file));
        }
    }

    @Test void capTakesTheSameDocumentsWhereverTheyLie() throws IOException {
        for (int i = 0; i < 100; i++) {
            write("one/%03d.txt".formatted(i), "x".repeat(100) + i);
            write("elsewhere/two/%03d.txt".formatted(99 - i), "x".repeat(100) + (99 - i));
        }
        var some = texts(open(3000, List.of(), folder.resolve("one")));
        assertEquals(29, some.size());
        assertEquals(some, texts(open(3000, List.of(), folder.resolve("elsewhere/two"))));
        assertEquals(some.stream().sorted(java.util.Comparator.comparingInt(text -> Integer.parseInt(text.substring(100)))).toList(), some);
        assertNotEquals(some, texts(open(0, List.of(), folder.resolve("one"))).subList(0, 29));            // not simply the first
        assertEquals(100, texts(open(1 << 20, List.of(), folder.resolve("one"))).size());
    }

    @Test void capWorksOnLinesAndArchivesToo() throws IOException {
        write("a.jsonl", "{\"text\":\"0123456789\"}\n".repeat(50));
        zip("b.zip", "p", "q", "r");
        long[] bytes = new long[1];
        var totals = open(300, List.of(), folder.resolve("a.jsonl"), folder.resolve("b.zip")).read(document -> bytes[0] += document.text().length);
        assertEquals(bytes[0], totals.bytes());
        assertTrue(bytes[0] > 280 && bytes[0] <= 300, "took " + bytes[0] + " bytes");
    }

    @Test void fileThatIsNoTextIsRefusedWhereItWasAskedForAndElseCounted() throws IOException {
        write("in/good.txt", "good");
        Path bad = folder.resolve("in/latin.txt");
        Files.write(bad, "na\u00efve".getBytes(ISO_8859_1));
        var totals = open(0, List.of(), folder.resolve("in")).read(_ -> {});
        assertEquals(new Corpus.Totals(1, 4, 1), totals);
        String wanted = bad + ": not UTF-8, byte 2 is 0xEF; convert the file, or leave it out by data.include";
        assertEquals(wanted, refusal(bad));
        assertEquals(wanted, assertThrows(InputException.class, () -> open(0, List.of("**.txt"), folder.resolve("in")).read(_ -> {})).getMessage());
    }

    @Test void missingAndEmptyCorporaAreTold() throws IOException {
        Files.createDirectories(folder.resolve("empty"));
        assertEquals("data.paths: no files in [" + folder.resolve("empty") + "]", refusal(folder.resolve("empty")));
        String both = refusal(folder.resolve("x"), folder.resolve("y"));
        assertTrue(both.contains(folder.resolve("x") + " does not exist") && both.contains(folder.resolve("y") + " does not exist"), both);
        assertTrue(refusal(write("blank.txt", "")).startsWith("data.paths: no documents in "), "empty file");
        assertTrue(refusal().contains("names nothing"));
        assertTrue(assertThrows(InputException.class, () -> open(0, List.of("**.c"), write("in/a.txt", "a").getParent())).getMessage().endsWith("match data.include [**.c]"));
        assertTrue(assertThrows(InputException.class, () -> open(0, List.of("[a"), folder)).getMessage().startsWith("data.include: '[a' is no file pattern"));
    }

    @Test void damagedArchiveIsRefused() throws IOException {
        Path zip = zip("z.zip", "a", "b", "c");
        byte[] whole = Files.readAllBytes(zip);
        Files.write(zip, Arrays.copyOf(whole, whole.length / 2));
        assertTrue(refusal(zip).startsWith(zip + ": not a whole zip archive"), refusal(zip));
        for (int at = 0; at < whole.length; at++) {                           // a flipped byte gives other documents or a refusal, nothing else
            byte[] bytes = whole.clone();
            bytes[at] ^= 0x10;
            Files.write(zip, bytes);
            try {
                open(0, List.of(), zip).read(_ -> {});
            } catch (InputException told) {
                assertTrue(told.getMessage().contains("z.zip") || told.getMessage().startsWith("data.paths: no documents"), told.getMessage());
            }
        }
    }

    @Test void fingerprintFollowsFilesAndConfig() throws IOException {
        Path file = write("in/a.txt", "a");
        String before = open(0, List.of(), folder.resolve("in")).fingerprint();
        assertEquals(before, open(0, List.of(), folder.resolve("in")).fingerprint());
        assertNotEquals(before, open(9, List.of(), folder.resolve("in")).fingerprint());
        Files.writeString(file, "ab");
        assertNotEquals(before, open(0, List.of(), folder.resolve("in")).fingerprint());
    }
}
