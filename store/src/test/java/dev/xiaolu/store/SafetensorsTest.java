package dev.xiaolu.store;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.shape.DType;
import dev.xiaolu.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsTest {
    @TempDir Path folder;
    private final Arena arena = Arena.ofConfined();

    @AfterEach void free() {
        arena.close();
    }

    private Path file(long headerLength, String header, int dataBytes) throws IOException {
        byte[] json = header.getBytes(UTF_8);
        Path file = folder.resolve("made.safetensors");
        Files.write(file, ByteBuffer.allocate(8 + json.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN).putLong(headerLength).put(json).array());
        return file;
    }

    private Path file(String header, int dataBytes) throws IOException {
        return file(header.getBytes(UTF_8).length, header, dataBytes);
    }

    private String refusal(Path file) {
        return assertThrows(InputException.class, () -> Safetensors.open(file).close()).getMessage();
    }

    @Test void everyTypeComesBackToTheBit() {
        var tensors = Tensors.ofEveryType(arena, 1);
        Safetensors.write(Disk.real(), folder.resolve("all.safetensors"), tensors, Map.of("format", "pt", "by", "ünï"));
        try (var found = Safetensors.open(folder.resolve("all.safetensors"))) {
            assertTrue(Tensors.same(tensors, found));
            assertEquals(Map.of("format", "pt", "by", "ünï"), found.metadata());
        }
    }

    @Test void sameTensorsInAnyOrderGiveTheSameFile() throws IOException {
        var tensors = Tensors.ofEveryType(arena, 2);
        var names = new ArrayList<>(tensors.keySet());
        var reversed = new LinkedHashMap<String, Tensor>();
        names.reversed().forEach(name -> reversed.put(name, tensors.get(name)));
        Safetensors.write(Disk.real(), folder.resolve("a"), tensors, Map.of("x", "1", "y", "2"));
        Safetensors.write(Disk.real(), folder.resolve("b"), reversed, Map.of("y", "2", "x", "1"));
        assertArrayEquals(Files.readAllBytes(folder.resolve("a")), Files.readAllBytes(folder.resolve("b")));
    }

    @Test void headerFillsUpToEightBytesAndTensorsAreAligned() throws IOException {
        Safetensors.write(Disk.real(), folder.resolve("a"), Tensors.ofEveryType(arena, 3), Map.of());
        long length = ByteBuffer.wrap(Files.readAllBytes(folder.resolve("a"))).order(ByteOrder.LITTLE_ENDIAN).getLong();
        assertEquals(0, length % 8);
        try (var found = Safetensors.open(folder.resolve("a"))) {
            for (String name : found.names()) {
                assertEquals(0, found.tensor(name).data().address() % found.type(name).dtype().bytes(), name);
            }
        }
    }

    @Test void viewsAreWrittenAsTheyLook() {
        Tensor whole = Tensors.random(arena, 4, DType.F32, 6, 10);
        Tensor cube = Tensors.random(arena, 5, DType.I8, 4, 3, 9);
        var views = Map.of("columns", whole.slice(1, 3, 7), "rows", whole.slice(0, 1, 3), "part", cube.slice(1, 0, 2).slice(2, 1, 4), "none", whole.slice(1, 2, 2));
        Safetensors.write(Disk.real(), folder.resolve("views"), views, Map.of());
        try (var found = Safetensors.open(folder.resolve("views"))) {
            assertTrue(Tensors.same(views, found));
        }
    }

    @Test void tensorAtAnOddPlaceIsCopiedToAnAlignedOne() throws IOException {
        Path file = file("{\"b\":{\"dtype\":\"BOOL\",\"shape\":[1],\"data_offsets\":[0,1]},\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[1,9]}}", 9);
        try (var found = Safetensors.open(file)) {
            assertArrayEquals(new float[2], found.tensor("w").toFloats());
            assertEquals(List.of("b", "w"), List.copyOf(found.names()));
        }
    }

    @Test void fileWithoutTensorsIsWhole() throws IOException {
        try (var found = Safetensors.open(file("{}      ", 0))) {
            assertTrue(found.names().isEmpty());
            assertTrue(assertThrows(InputException.class, () -> found.tensor("w")).getMessage().contains("no tensor 'w'"));
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, Long.MIN_VALUE, 100_000_001, Long.MAX_VALUE, 3})
    void hostileHeaderLengthIsRefused(long length) throws IOException {
        String refusal = refusal(file(length, "{}", 0));
        assertTrue(refusal.contains("the header has " + Long.toUnsignedString(length) + " bytes"), refusal);
    }

    @Test void fileShorterThanItsFirstNumberIsRefused() throws IOException {
        Path file = Files.write(folder.resolve("short"), new byte[7]);
        assertEquals(file + ": 7 bytes, wanted at least 8; the file is cut short", refusal(file));
        assertEquals(folder.resolve("none") + ": no such file, wanted a safetensors file", refusal(folder.resolve("none")));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "{'w':{'dtype':'F32','shape':[2],'data_offsets':[0,4]}}                                     | 4  | has 4 bytes, wanted 8 for F32 [2]",
        "{'w':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}}                                     | 4  | ends at data byte 8, but the file has only 4",
        "{'w':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}}                                     | 8  | the tensors end at data byte 4, but the file has 8",
        "{'w':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}}                                     | 8  | begins at data byte 4, wanted 0",
        "{'w':{'dtype':'F32','shape':[1],'data_offsets':[8,4]}}                                     | 8  | ends at byte 4, before its beginning at 8",
        "{'w':{'dtype':'F32','shape':[1],'data_offsets':[-4,0]}}                                    | 8  | data_offsets holds -4",
        "{'w':{'dtype':'F32','shape':[1],'data_offsets':[0,18446744073709551620]}}                  | 8  | data_offsets holds 18446744073709551620",
        "{'w':{'dtype':'F32','shape':[1],'data_offsets':[0,4.0]}}                                   | 4  | data_offsets holds 4.0",
        "{'w':{'dtype':'F32','shape':[1],'data_offsets':[0]}}                                       | 4  | has 1 data_offsets, wanted 2",
        "{'w':{'dtype':'F32','shape':[[1]],'data_offsets':[0,4]}}                                   | 4  | shape holds [",
        "{'w':{'dtype':'F32','shape':[4294967296,4294967296],'data_offsets':[0,0]}}                 | 0  | is larger than any file",
        "{'w':{'dtype':'F32','shape':[4611686018427387904],'data_offsets':[0,0]}}                   | 0  | is larger than any file",
        "{'w':{'dtype':'F16','shape':[1],'data_offsets':[0,2]}}                                     | 2  | tensor 'w' has dtype F16, wanted one of [F32, BF16, F8_E4M3, F8_E8M0, I64, I32, I8, BOOL]",
        "{'w':{'dtype':7,'shape':[1],'data_offsets':[0,2]}}                                         | 2  | dtype is no text",
        "{'w':{'dtype':'I8','shape':[1]}}                                                           | 1  | lacks data_offsets",
        "{'w':{'dtype':'I8','shape':[1],'data_offsets':[0,1],'extra':{}}}                           | 1  | unknown key 'extra'",
        "{'w':[]}                                                                                   | 0  | described by no JSON object",
        "{'a':{'dtype':'I8','shape':[2],'data_offsets':[0,2]},'b':{'dtype':'I8','shape':[2],'data_offsets':[1,3]}} | 3 | tensor 'b' begins at data byte 1, wanted 2",
        "{'a':{'dtype':'I8','shape':[1],'data_offsets':[0,1]},'a':{'dtype':'I8','shape':[1],'data_offsets':[0,1]}} | 1 | Duplicate",
        "{'__metadata__':{'n':1}}                                                                   | 0  | __metadata__ 'n' is no text",
        "{'__metadata__':'n'}                                                                       | 0  | __metadata__ is no JSON object",
        "{} {}                                                                                      | 0  | the header goes on after its end",
        "{'w':                                                                                      | 0  | not valid JSON",
        "[]                                                                                         | 0  | does not begin with '{'",
    })
    void hostileHeaderIsRefused(String header, int dataBytes, String words) throws IOException {
        String refusal = refusal(file(header.replace('\'', '"'), dataBytes));
        assertTrue(refusal.contains(words), refusal);
    }

    @Test void headerNestedWithoutEndIsRefused() throws IOException {
        String refusal = refusal(file("{\"w\":" + "[".repeat(100_000), 0));
        assertTrue(refusal.contains("tensor 'w' is described by no JSON object"), refusal);
    }

    @Test void longestHeaderIsReadToItsEnd() throws IOException {
        try (var found = Safetensors.open(file("{}" + " ".repeat(1 << 20), 0))) {
            assertTrue(found.names().isEmpty());
        }
    }

    @Test void booleanThatIsNeitherIsRefusedWhenRead() throws IOException {
        Path file = file("{\"mask\":{\"dtype\":\"BOOL\",\"shape\":[2],\"data_offsets\":[0,2]}}", 2);
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length - 1] = 2;
        Files.write(file, bytes);
        try (var found = Safetensors.open(file)) {
            String refusal = assertThrows(InputException.class, () -> found.tensor("mask")).getMessage();
            assertTrue(refusal.endsWith("tensor 'mask' of BOOL holds the byte 2 at 1, wanted 0 or 1"), refusal);
        }
    }

    /// Whatever happens to a file, it is opened within its bounds or refused in words; nothing else ever comes out.
    @Test void damagedFilesAreReadInBoundsOrRefused() throws IOException {
        Path file = folder.resolve("damaged");
        Safetensors.write(Disk.real(), file, Tensors.ofEveryType(arena, 6), Map.of("k", "v"));
        byte[] whole = Files.readAllBytes(file);
        int refused = 0;
        for (int seed = 0; seed < 2000; seed++) {
            var random = new Random(seed);
            byte[] bytes = random.nextInt(4) == 0 ? Arrays.copyOf(whole, random.nextInt(whole.length)) : whole.clone();
            for (int flips = random.nextInt(1, 4); flips > 0 && bytes.length > 0; flips--) {
                bytes[random.nextInt(Math.min(bytes.length, 900))] ^= (byte) (1 << random.nextInt(8));
            }
            Files.write(file, bytes);
            try (var found = Safetensors.open(file)) {
                for (String name : found.names()) {
                    Tensors.bytes(found.tensor(name));
                }
            } catch (InputException told) {
                refused++;
                assertTrue(told.getMessage().startsWith(file + ": "), "seed " + seed + ": " + told.getMessage());
            }
        }
        assertTrue(refused > 1000, "only " + refused + " of 2000 damaged files were refused");
    }
}
