package dev.xiaolu.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GoldenTest {
    private static Tensor row(float... values) {
        return Tensor.of(Arena.ofAuto(), Shape.of(values.length), values);
    }

    @Test void aGoldenKnowsItsCasesParametersAndTensors() {
        Golden golden = Golden.open("rms_norm");
        assertEquals(List.of("small", "one_row", "long", "tiny_values"), golden.cases());
        assertEquals(1e-6, golden.parameters("one_row").required("epsilon").asDouble());
        assertEquals(Shape.of(3, 70), golden.tensor("small", "dgain").shape());
        assertEquals(3, golden.parameters("small").required("leaves").asInt());
    }

    @Test void everyGoldenSaysWhereItComesFrom() throws IOException {
        Path root = Golden.open("rms_norm").folder().getParent();
        try (var paths = Files.walk(root)) {
            List<Path> notes = paths.filter(path -> path.endsWith("golden.json")).toList();
            assertTrue(notes.size() >= 14, "only " + notes.size() + " goldens under " + root);
            for (Path note : notes) {
                var json = Golden.open(root.relativize(note.getParent()).toString()).json("golden.json");
                for (String key : List.of("source", "recorder", "versions", "date")) {
                    assertTrue(json.has(key), () -> note + " has no " + key);
                }
            }
        }
    }

    @Test void anUnknownGoldenIsNamed() {
        var refused = assertThrows(IllegalArgumentException.class, () -> Golden.open("rms_nrom"));
        assertTrue(refused.getMessage().contains("golden/rms_nrom/golden.json"), refused.getMessage());
    }

    @Test void aGoldenInAJarIsUnpackedWithItsFolders(@TempDir Path temporary) throws IOException {
        Path jar = temporary.resolve("goldens.jar");
        try (var zip = new ZipOutputStream(Files.newOutputStream(jar))) {
            for (String entry : List.of("golden/deep/one/golden.json", "golden/deep/one/model/config.json", "golden/deep/other/golden.json")) {
                zip.putNextEntry(new ZipEntry(entry));
                zip.write(entry.getBytes());
                zip.closeEntry();
            }
        }
        try (var classes = new URLClassLoader(new URL[] {jar.toUri().toURL()}, null)) {
            Path folder = Golden.locate(classes, "deep/one");
            assertEquals("golden/deep/one/model/config.json", Files.readString(folder.resolve("model/config.json")));
            try (var files = Files.list(folder)) {
                assertEquals(2, files.count());
            }
        }
    }

    @Test void aDifferenceSaysWhereAndHowMuch() {
        var message = assertThrows(AssertionError.class, () -> Difference.assertWithin(0.1, "y", row(1, 2, 4), row(1.05f, 2.5f, 4))).getMessage();
        assertTrue(message.contains("y [3] differs by 0.500 at [1]: wanted 2.0, found 2.5"), message);
        Difference.assertWithin(0.5, "y", row(1, 2, 4), row(1.05f, 2.5f, 4));
        Difference.assertWithinOfLargest(0.125, "y", row(1, 2, 4), row(1, 2.5f, 4));
        assertThrows(AssertionError.class, () -> Difference.assertWithinOfLargest(0.124, "y", row(1, 2, 4), row(1, 2.5f, 4)));
        Difference.assertRelativeOfNorms(0.25, "y", row(0, 0, 4), row(0, 1, 4));
        assertThrows(AssertionError.class, () -> Difference.assertRelativeOfNorms(0.24, "y", row(0, 0, 4), row(0, 1, 4)));
    }

    @Test void aNaNOrAnInfinityOnOneSideOnlyIsNeverClose() {
        float nan = Float.NaN;
        float infinity = Float.POSITIVE_INFINITY;
        Difference.assertWithin(0, "y", row(nan, infinity, 0f), row(nan, infinity, 0f));
        for (Tensor wrong : List.of(row(nan, 1), row(infinity, 1), row(-infinity, 1))) {
            assertThrows(AssertionError.class, () -> Difference.assertWithin(1e30, "y", row(0, 1), wrong));
            assertThrows(AssertionError.class, () -> Difference.assertWithin(1e30, "y", wrong, row(0, 1)));
            assertThrows(AssertionError.class, () -> Difference.assertRelativeOfNorms(1e30, "y", wrong, row(0, 1)));
        }
        assertThrows(AssertionError.class, () -> Difference.assertWithin(1, "y", row(0, 1), row(0, 1, 2)));
    }
}
