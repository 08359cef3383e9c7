package dev.xiaolu.store;

import dev.xiaolu.platform.Disk;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.function.Consumer;
import java.util.zip.CRC32C;

/// Size and hashes of one file, by which a later reader knows it to be whole.
///
/// @param bytes its size
/// @param sha256 its SHA-256, 64 hex digits
/// @param crc32c its CRC-32C, 8 hex digits
public record FileSeal(long bytes, String sha256, String crc32c) {
    private static final long CHUNK = 1 << 20;

    /// Reads a file and seals what is found.
    public static FileSeal of(Disk disk, Path file) {
        var sealing = new Sealing();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment all = disk.map(file, arena);
            for (long at = 0; at < all.byteSize(); at += CHUNK) {
                sealing.update(all.asSlice(at, Math.min(CHUNK, all.byteSize() - at)).asByteBuffer());
            }
        }
        return sealing.finish();
    }

    /// An output that hands everything on to `out` and, when closed, the seal of all that was written to `sealed`.
    public static Disk.Output whileWriting(Disk.Output out, Consumer<FileSeal> sealed) {
        var sealing = new Sealing();
        return new Disk.Output() {
            @Override public void write(ByteBuffer bytes) {
                sealing.update(bytes.duplicate());
                out.write(bytes);
            }

            @Override public void force() {
                out.force();
            }

            @Override public void close() {
                out.close();
                sealed.accept(sealing.finish());
            }
        };
    }

    private static final class Sealing {
        private final MessageDigest sha256 = Sha256.start();
        private final CRC32C crc32c = new CRC32C();
        private long bytes;

        void update(ByteBuffer more) {
            bytes += more.remaining();
            crc32c.update(more.duplicate());
            sha256.update(more);
        }

        FileSeal finish() {
            return new FileSeal(bytes, HexFormat.of().formatHex(sha256.digest()), HexFormat.of().toHexDigits((int) crc32c.getValue()));
        }
    }
}
