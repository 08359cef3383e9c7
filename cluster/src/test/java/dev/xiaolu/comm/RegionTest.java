package dev.xiaolu.comm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// The folder that regions lie in, and what others may ask of one.
class RegionTest {
    @TempDir Path temp;

    @Test void folderIsFoundAgainByAnotherProcessOfTheRun() {
        assertEquals(Region.folder(temp, "a"), Region.folder(temp, "a"));
    }

    @EnabledOnOs({OS.LINUX, OS.MAC})
    @Test void folderThatIsALinkIsRefusedAndWhatItLeadsToStays() throws Exception {
        Path precious = Files.writeString(Files.createDirectory(temp.resolve("elsewhere")).resolve("precious"), "text");
        Path link = Files.createSymbolicLink(temp.resolve("xiaolu-a"), precious.getParent());
        String said = assertThrows(InputException.class, () -> Region.folder(temp, "a")).getMessage();
        assertTrue(said.contains("rwx------"), said);
        Region.clear(link);
        assertTrue(Files.exists(precious));
    }

    @EnabledOnOs({OS.LINUX, OS.MAC})
    @Test void folderThatOthersCanWriteToIsRefused() throws Exception {
        Path open = Files.createDirectory(temp.resolve("xiaolu-a"));
        Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"));
        assertThrows(InputException.class, () -> Region.folder(temp, "a"));
    }

    @Test void whatLiesOutsideIsNotGiven() {
        try (Region region = Region.create(temp, 7)) {
            long at = region.offsetOf(region.arena().allocate(1000, 64));
            assertNotNull(region.at(at, 1000));
            assertNull(region.at(0, 8));
            assertNull(region.at(-8, 8));
            assertNull(region.at(at, -1));
            assertNull(region.at(at, Long.MAX_VALUE));
            assertNull(region.at(Long.MAX_VALUE, 8));
            assertNull(region.at(region.bytes() - 8, 16));
        }
    }

    @Test void moreThanTheFileSystemHasIsRefusedBeforeAnythingIsWritten() {
        try (Region region = Region.create(temp, 7)) {
            String said = assertThrows(InputException.class, () -> region.arena().allocate(1L << 50, 64)).getMessage();
            assertTrue(said.contains("its file system has"), said);
        }
    }
}
