package dev.xiaolu.comm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.xiaolu.platform.InputException;
import dev.xiaolu.platform.Pages;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
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

    /// Makes a region, says so, and waits to be killed.
    static final class Holder {
        public static void main(String[] arguments) throws InterruptedException {
            Region.create(Region.folder(Path.of(arguments[0]), arguments[1]), 7);
            System.out.println("made");
            Thread.sleep(600_000);
        }
    }

    @EnabledOnOs({OS.LINUX, OS.MAC})
    @Test void whatAKilledProcessHasLeftIsSweptAndWhatALivingOneHoldsIsNot() throws Exception {
        Process dead = holder("dead"), living = holder("living");
        dead.destroyForcibly().waitFor();
        Region.folder(temp, "fresh");                            // of a run that is about to begin
        Files.createFile(Region.folder(temp, "foreign").resolve("region-0000000000000001"));
        Region.sweep(temp, name -> !name.equals("foreign"));
        try (var left = Files.list(temp)) {
            assertEquals(List.of("xiaolu-foreign", "xiaolu-fresh", "xiaolu-living"), left.map(path -> path.getFileName().toString()).sorted().toList());
        } finally {
            living.destroyForcibly().waitFor();
        }
    }

    private Process holder(String run) throws Exception {
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED", "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")), Holder.class.getName(), temp.toString(), run).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        assertEquals("made", process.inputReader().readLine());
        return process;
    }

    @EnabledOnOs(OS.LINUX)
    @Test void whatIsGivenBackReadsAsZerosAndNothingBesideItChanges() {
        Path memory = Path.of("/dev/shm");
        Path folder = Region.folder(Files.isWritable(memory) ? memory : temp, "pages-" + ProcessHandle.current().pid());
        try (Region region = Region.create(folder, 7)) {
            var all = region.arena().allocate(40_000, 64);
            all.fill((byte) 5);
            assumeTrue(Pages.giveBack(all.asSlice(100, 30_000)), "not every file system can");
            for (long i = 0; i < all.byteSize(); i++) {
                boolean inside = i >= 100 + 4096 && i < 30_100 - 4096;
                byte found = all.get(JAVA_BYTE, i);
                assertTrue(inside ? found == 0 : i >= 100 && i < 30_100 || found == 5, "byte " + i + " is " + found);
            }
            all.fill((byte) 6);
            assertEquals(6, all.get(JAVA_BYTE, 20_000));
        } finally {
            Region.clear(folder);
        }
    }

    @Test void moreThanTheFileSystemHasIsRefusedBeforeAnythingIsWritten() {
        try (Region region = Region.create(temp, 7)) {
            String said = assertThrows(InputException.class, () -> region.arena().allocate(1L << 50, 64)).getMessage();
            assertTrue(said.contains("its file system has"), said);
        }
    }
}
