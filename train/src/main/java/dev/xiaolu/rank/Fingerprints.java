package dev.xiaolu.rank;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.store.TensorDigest;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/// Fingerprints of weights as the body of a message: a line for each, `name dtype first second size size …`, the hashes in hex.
final class Fingerprints {
    private Fingerprints() {}

    static MemorySegment body(Map<String, TensorDigest> digests) {
        var text = new StringBuilder();
        digests.forEach((name, digest) -> {
            text.append(name).append(' ').append(digest.type().dtype()).append(' ').append(Long.toHexString(digest.first())).append(' ').append(Long.toHexString(digest.second()));
            for (long size : digest.type().shape().toArray()) {
                text.append(' ').append(size);
            }
            text.append('\n');
        });
        return MemorySegment.ofArray(text.toString().getBytes(StandardCharsets.UTF_8));
    }

    static Map<String, TensorDigest> read(MemorySegment body) {
        var digests = new LinkedHashMap<String, TensorDigest>();
        new String(body.toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8).lines().forEach(line -> {
            String[] words = line.split(" ");
            long[] sizes = new long[words.length - 4];
            for (int i = 0; i < sizes.length; i++) {
                sizes[i] = Long.parseLong(words[i + 4]);
            }
            digests.put(words[0], new TensorDigest(new TensorType(DType.valueOf(words[1]), Shape.of(sizes)), Long.parseUnsignedLong(words[2], 16), Long.parseUnsignedLong(words[3], 16)));
        });
        return digests;
    }
}
