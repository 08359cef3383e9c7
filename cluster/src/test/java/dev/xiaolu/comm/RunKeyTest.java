package dev.xiaolu.comm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunKeyTest {
    private static final String HEX = "00112233445566778899aabbccddeeff".repeat(2);

    @TempDir Path folder;

    private static byte[] proof(RunKey key) {
        return key.mac().doFinal(new byte[] {1, 2, 3});
    }

    private String refused(String text) throws IOException {
        Path file = Files.writeString(folder.resolve("bad"), text);
        if (file.getFileSystem().supportedFileAttributeViews().contains("posix")) {
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        }
        String told = assertThrows(InputException.class, () -> RunKey.read(file)).getMessage();
        assertTrue(told.contains("64") && told.contains(file.toString()), told);
        assertFalse(text.length() > 4 && told.contains(text.substring(0, 5)), "the error shows digits of the key: " + told);
        return told;
    }

    @Test void keyIsReadAsItWasWrittenAndReplacesAnOlderOne() throws IOException {
        Path file = folder.resolve("key");
        RunKey.random().write(file);
        RunKey key = RunKey.random();
        key.write(file);
        assertArrayEquals(proof(key), proof(RunKey.read(file)));
        try (var left = Files.list(folder)) {
            assertEquals(1, left.count(), "nothing else is left beside it");
        }
        assertEquals(HEX + "\n", Files.readString(written(RunKey.ofHex(HEX))));
        assertFalse(RunKey.ofHex(HEX).toString().contains("1122"));
    }

    private Path written(RunKey key) {
        key.write(folder.resolve("hex"));
        return folder.resolve("hex");
    }

    @Test void onlyTheOwnerMayReadTheFileAndOtherRightsAreRefused() throws IOException {
        Path file = written(RunKey.random());
        if (!file.getFileSystem().supportedFileAttributeViews().contains("posix")) {
            return;                                                      // such a system has other rights, which we do not know
        }
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
        for (String rights : new String[] {"rw-r-----", "rw----r--", "rw--w----", "rw-----w-", "rwxrwxrwx"}) {
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(rights));
            String told = assertThrows(InputException.class, () -> RunKey.read(file), rights).getMessage();
            assertTrue(told.contains(rights) && told.contains("chmod 600"), told);
        }
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("r--------"));
        RunKey.read(file);
    }

    @Test void whatIsNoKeyIsRefusedWithoutShowingIt() throws IOException {
        refused("");
        refused(HEX.substring(1));
        refused(HEX + "00");
        refused("g" + HEX.substring(1));
        assertTrue(assertThrows(InputException.class, () -> RunKey.read(folder.resolve("none"))).getMessage().contains("no such file"));
        assertThrows(InputException.class, () -> RunKey.random().write(folder.resolve("none/key")));
    }
}
