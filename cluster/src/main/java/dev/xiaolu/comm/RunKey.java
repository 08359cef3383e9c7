package dev.xiaolu.comm;

import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.platform.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.Set;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/// Key of a run: 32 bytes that all its processes hold and nobody else. It proves who belongs to the run; it does not hide what they say.
///
/// In a file it stands as 64 hex digits, readable by its owner alone. `toString` shows nothing of it. Immutable.
public final class RunKey {
    static final int BYTES = 32;

    private static final String ALGORITHM = "HmacSHA256";
    private static final Set<PosixFilePermission> OWNER_ONLY = EnumSet.of(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE);

    private final SecretKeySpec secret;

    private RunKey(byte[] bytes) {
        this.secret = new SecretKeySpec(bytes, ALGORITHM);
    }

    /// A new key from the system's source of randomness.
    public static RunKey random() {
        byte[] bytes = new byte[BYTES];
        new SecureRandom().nextBytes(bytes);
        return new RunKey(bytes);
    }

    /// The key written as 64 hex digits.
    public static RunKey ofHex(String hex) {
        return of(hex, "run key");
    }

    /// Reads what [#write] wrote; refuses a file that others than its owner may read or write.
    public static RunKey read(Path file) {
        try {
            checkInput(Files.isRegularFile(file), "run key %s: no such file", file);
            if (isPosix(file)) {
                Set<PosixFilePermission> open = EnumSet.copyOf(Files.getPosixFilePermissions(file));
                String found = PosixFilePermissions.toString(open);
                open.removeAll(OWNER_ONLY);
                open.remove(PosixFilePermission.OWNER_EXECUTE);
                checkInput(open.isEmpty(), "run key %s: has the rights %s, wanted rw------- since whoever reads it can join the run; chmod 600 %s, or make a new key", file, found, file);
            }
            checkInput(Files.size(file) <= 2 * BYTES + 2, "run key %s: has %d bytes, wanted 64 hex digits and a line end", file, Files.size(file));
            return of(Files.readString(file, StandardCharsets.ISO_8859_1).strip(), "run key " + file);
        } catch (IOException failed) {
            throw InputException.of("run key %s: cannot be read: %s", file, failed.getMessage());
        }
    }

    /// Writes the key where only the owner of the file can read it; the file is there whole or not at all.
    public void write(Path file) {
        Path absolute = file.toAbsolutePath();
        try {
            FileAttribute<?>[] rights = isPosix(absolute.getParent()) ? new FileAttribute<?>[] {PosixFilePermissions.asFileAttribute(OWNER_ONLY)} : new FileAttribute<?>[0];
            Path fresh = Files.createTempFile(absolute.getParent(), ".run-key", "", rights);      // the right is set before the first byte is there
            try {
                Files.writeString(fresh, HexFormat.of().formatHex(secret.getEncoded()) + "\n", StandardCharsets.ISO_8859_1);
                move(fresh, absolute);
            } finally {
                Files.deleteIfExists(fresh);
            }
        } catch (IOException failed) {
            throw InputException.of("run key %s: cannot be written: %s", file, failed.getMessage());
        }
    }

    private static void move(Path from, Path to) throws IOException {
        try {
            Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (AtomicMoveNotSupportedException _) {
            Files.move(from, to, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private static boolean isPosix(Path path) {
        return path.getFileSystem().supportedFileAttributeViews().contains("posix");
    }

    /// Never shows the digits, also not in the error.
    private static RunKey of(String hex, String subject) {
        checkInput(hex.length() == 2 * BYTES && hex.chars().allMatch(HexFormat::isHexDigit), "%s: wanted %d hex digits, found %d characters%s", subject, 2 * BYTES, hex.length(),
                hex.length() == 2 * BYTES ? ", not all of them hex digits" : "");
        return new RunKey(HexFormat.of().parseHex(hex));
    }

    /// HMAC-SHA256 under this key; the caller's own, for one thread.
    Mac mac() {
        return mac(secret);
    }

    /// HMAC-SHA256 under a key made from this one for one purpose.
    Mac derive(byte[]... purpose) {
        Mac own = mac();
        for (byte[] part : purpose) {
            own.update(part);
        }
        return mac(new SecretKeySpec(own.doFinal(), ALGORITHM));
    }

    private static Mac mac(SecretKeySpec key) {
        try {
            Mac mac = Mac.getInstance(ALGORITHM);
            mac.init(key);
            return mac;
        } catch (GeneralSecurityException missing) {
            throw new IllegalStateException("every JDK has " + ALGORITHM, missing);
        }
    }

    @Override public String toString() {
        return "run key";
    }
}
