package dev.xiaolu.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class DigestChainTest {
    private static TensorDigest digest(DType dtype, long first, long second, long... sizes) {
        return new TensorDigest(new TensorType(dtype, Shape.of(sizes)), first, second);
    }

    @Test void digestIsTheHashOfTheDescribedBytes() {
        var bytes = ByteBuffer.allocate(8 + 1 + 8 + 3 + 8 + 16 + 16).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(1).put((byte) 'w').putLong(3).put((byte) 'F').put((byte) '3').put((byte) '2').putLong(2).putLong(4).putLong(5).putLong(-7).putLong(9);
        assertEquals(Sha256.hex(bytes.array()), DigestChain.digest(Map.of("w", digest(DType.F32, -7, 9, 4, 5))));
    }

    @Test void orderOfTheTensorsDoesNotMatterAndEverythingElseDoes() {
        var forward = new LinkedHashMap<String, TensorDigest>();
        forward.put("a", digest(DType.F32, 1, 2, 6));
        forward.put("\uFFFF", digest(DType.F32, 3, 4, 6));              // after the next in UTF-16, before it in UTF-8
        forward.put("\uD83D\uDE00", digest(DType.F32, 5, 6, 6));
        var backward = new LinkedHashMap<String, TensorDigest>();
        forward.sequencedEntrySet().reversed().forEach(e -> backward.put(e.getKey(), e.getValue()));
        String wanted = DigestChain.digest(forward);
        assertEquals(wanted, DigestChain.digest(backward));
        for (var other : new TensorDigest[] {digest(DType.F32, 0, 2, 6), digest(DType.F32, 1, 0, 6), digest(DType.I32, 1, 2, 6), digest(DType.F32, 1, 2, 3, 2)}) {
            backward.put("a", other);
            assertNotEquals(wanted, DigestChain.digest(backward));
        }
        backward.remove("a");
        backward.put("b", digest(DType.F32, 1, 2, 6));
        assertNotEquals(wanted, DigestChain.digest(backward));
    }

    @Test void chainRemembersEveryStep() {
        String one = "11".repeat(32);
        String two = "22".repeat(32);
        var bytes = ByteBuffer.allocate(72).order(ByteOrder.LITTLE_ENDIAN).put(new byte[32]).putLong(5);
        for (int i = 0; i < 32; i++) {
            bytes.put((byte) 0x11);
        }
        assertEquals(Sha256.hex(bytes.array()), DigestChain.START.next(5, one).hex());
        var chain = DigestChain.START.next(1, one).next(2, two);
        assertNotEquals(chain, DigestChain.START.next(1, two).next(2, one));
        assertNotEquals(chain, DigestChain.START.next(2, one).next(1, two));
        assertThrows(IllegalArgumentException.class, () -> new DigestChain("11"));
    }
}
