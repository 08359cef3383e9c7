package dev.xiaolu.platform;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiskTest {
    @TempDir Path folder;
    private final Disk disk = Disk.real();

    private void write(Path file, String text) {
        try (var out = disk.create(file)) {
            out.write(ByteBuffer.wrap(text.getBytes(UTF_8)));
            out.force();
        }
    }

    @Test void writtenBytesAreReadAndMapped() {
        Path file = folder.resolve("a");
        write(file, "longer than what follows");
        write(file, "xiaolu");
        assertArrayEquals("xiaolu".getBytes(UTF_8), disk.read(file));
        assertEquals(6, disk.size(file));
        try (Arena arena = Arena.ofConfined()) {
            var mapped = disk.map(file, arena);
            assertArrayEquals("xiaolu".getBytes(UTF_8), mapped.toArray(ValueLayout.JAVA_BYTE));
            assertTrue(mapped.isReadOnly());
        }
    }

    @Test void emptyFileIsMappedAsNoBytes() {
        write(folder.resolve("empty"), "");
        try (Arena arena = Arena.ofConfined()) {
            assertEquals(0, disk.map(folder.resolve("empty"), arena).byteSize());
        }
    }

    @Test void listingIsSortedByName() {
        for (String name : List.of("c", "a", "b10", "b9")) {
            write(folder.resolve(name), name);
        }
        assertEquals(List.of("a", "b10", "b9", "c"), disk.list(folder).stream().map(path -> path.getFileName().toString()).toList());
    }

    @Test void moveReplacesFileAndKeepsFullFolder() {
        write(folder.resolve("new"), "new");
        write(folder.resolve("old"), "old");
        disk.move(folder.resolve("new"), folder.resolve("old"));
        assertEquals("new", new String(disk.read(folder.resolve("old")), UTF_8));
        disk.createDirectories(folder.resolve("from"));
        disk.createDirectories(folder.resolve("to"));
        write(folder.resolve("to/inside"), "kept");
        assertThrows(DiskException.class, () -> disk.move(folder.resolve("from"), folder.resolve("to")));
        assertEquals("kept", new String(disk.read(folder.resolve("to/inside")), UTF_8));
        disk.forceDirectory(folder);
    }

    @Test void replaceLeavesNothingButTheFile() {
        disk.replace(folder.resolve("state.json"), "one");
        disk.replace(folder.resolve("state.json"), "two");
        assertEquals("two", new String(disk.read(folder.resolve("state.json")), UTF_8));
        assertEquals(1, disk.list(folder).size());
    }

    @Test void treeIsDeletedButALinkIsNotFollowed() throws IOException {
        disk.createDirectories(folder.resolve("kept"));
        write(folder.resolve("kept/file"), "kept");
        disk.createDirectories(folder.resolve("tree/deep/deeper"));
        write(folder.resolve("tree/deep/file"), "gone");
        Files.createSymbolicLink(folder.resolve("tree/link"), folder.resolve("kept"));
        disk.deleteTree(folder.resolve("tree"));
        disk.deleteTree(folder.resolve("never was"));
        assertFalse(disk.exists(folder.resolve("tree")));
        assertTrue(disk.exists(folder.resolve("kept/file")));
    }

    @Test void missingFileIsNamed() {
        var failure = assertThrows(DiskException.class, () -> disk.read(folder.resolve("nowhere")));
        assertEquals(folder.resolve("nowhere") + ": cannot read: no such file or folder", failure.getMessage());
        assertFalse(failure.isFull());
    }

    @Test void heldLockIsRefusedAndReadableUntilItIsClosed() {
        Path file = folder.resolve("run.lock");
        try (var _ = disk.tryLock(file, "pid 1").orElseThrow()) {
            assertTrue(disk.tryLock(file, "pid 2").isEmpty());
            assertEquals("pid 1", new String(disk.read(file), UTF_8));
        }
        try (var _ = disk.tryLock(file, "pid 3").orElseThrow()) {
            assertEquals("pid 3", new String(disk.read(file), UTF_8));
        }
    }

    @Test void fullDiskIsTold() throws IOException {
        Path full = Path.of("/dev/full");                    // a Linux device that has no space for anything
        if (!Files.exists(full)) {
            return;
        }
        try (var out = disk.create(full)) {
            assertTrue(assertThrows(DiskException.class, () -> out.write(ByteBuffer.wrap(new byte[8]))).isFull());
        }
    }
}
