package dev.xiaolu.store;

import static dev.xiaolu.platform.Check.check;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;

/// The history of a run in one number: each step's digest is hashed together with the chain so far.
///
/// `chain_n = SHA-256(chain_(n−1) ‖ step ‖ digest)`, the step as 8 bytes little-endian, chains and digests as 32 raw bytes; the chain begins with 32 zeros.
/// Two runs with the same chain went through the same weights at every step that they chained.
///
/// @param hex 64 hex digits
public record DigestChain(String hex) {
    /// The chain of a run that has not begun.
    public static final DigestChain START = new DigestChain("0".repeat(64));

    public DigestChain {
        check(hex.matches("[0-9a-f]{64}"), "DigestChain: '%s', wanted 64 hex digits", hex);
    }

    /// This chain with one more step, whose [#digest] is `digest`.
    public DigestChain next(long step, String digest) {
        var hash = Sha256.start();
        hash.update(HexFormat.of().parseHex(hex));
        hash.update(longs(step));
        hash.update(HexFormat.of().parseHex(digest));
        return new DigestChain(HexFormat.of().formatHex(hash.digest()));
    }

    /// The digest of named tensors, as 64 hex digits: SHA-256 over the tensors in the order of their names' UTF-8 bytes. Each gives its name and the name of its element type
    /// (each as a 8-byte length and UTF-8 bytes), the count of its axes, their sizes, and its two hashes, every number 8 bytes little-endian.
    public static String digest(Map<String, TensorDigest> tensors) {
        var sorted = new TreeMap<byte[], TensorDigest>(Arrays::compareUnsigned);
        tensors.forEach((name, digest) -> sorted.put(name.getBytes(StandardCharsets.UTF_8), digest));
        var hash = Sha256.start();
        sorted.forEach((name, digest) -> {
            text(hash, name);
            text(hash, digest.type().dtype().name().getBytes(StandardCharsets.UTF_8));
            hash.update(longs(digest.type().shape().rank()));
            hash.update(longs(digest.type().shape().toArray()));
            hash.update(longs(digest.first(), digest.second()));
        });
        return HexFormat.of().formatHex(hash.digest());
    }

    private static void text(MessageDigest hash, byte[] bytes) {
        hash.update(longs(bytes.length));
        hash.update(bytes);
    }

    private static byte[] longs(long... values) {
        var bytes = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (long value : values) {
            bytes.putLong(value);
        }
        return bytes.array();
    }

    @Override public String toString() {
        return hex;
    }
}
