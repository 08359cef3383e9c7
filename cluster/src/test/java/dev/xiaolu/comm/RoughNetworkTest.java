package dev.xiaolu.comm;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Two endpoints through a proxy that splits, delays, cuts, flips, duplicates, swaps and loses.
@Timeout(600)
class RoughNetworkTest {
    private static final int SMALL = 100, EVERY = 25;

    private static final Map<RoughProxy.Harm, Integer> HARM = new EnumMap<>(RoughProxy.Harm.class);

    static LongStream seeds() {
        Long chosen = Long.getLong("xiaolu.test.seed");
        var fresh = new Random();
        return chosen != null ? LongStream.of(chosen) : LongStream.of(1, 2, 3, fresh.nextLong(), fresh.nextLong());
    }

    private static int bytes(int number) {
        return (1 << 20) + 10_000 * number;
    }

    @ParameterizedTest @MethodSource("seeds") void everyMessageArrivesOnceAndInOrder(long seed) throws Exception {
        String where = "replay with -Dxiaolu.test.seed=" + seed;
        System.out.println("transport: " + where);
        RunKey key = RunKey.random();
        Inbound left = new Inbound(true), right = new Inbound(true);
        Duration silence = Duration.ofSeconds(2);                       // a sign of life after a tenth: that is when a loss at the end is noticed
        try (Endpoint a = Endpoint.open(Endpoint.Options.of("127.0.0.1", 0, 1, key).withSilence(silence), left);
                Endpoint b = Endpoint.open(Endpoint.Options.of("127.0.0.1", 0, 2, key).withSilence(silence), right);
                RoughProxy toB = new RoughProxy(b.port(), seed, 1 << 20); RoughProxy toA = new RoughProxy(a.port(), ~seed, 1 << 20)) {
            a.know(2, "127.0.0.1", toB.port());
            b.know(1, "127.0.0.1", toA.port());
            for (int i = 0; i < SMALL; i++) {
                assertTrue(a.send(2, Inbound.message(i, 100 * i)));
                assertTrue(b.send(1, Inbound.message(i, i)));
                if (i % EVERY == 0) {
                    assertTrue(a.send(2, Inbound.message(i, bytes(i))));
                    assertTrue(b.send(1, Inbound.message(i, bytes(i))));
                }
            }
            for (int i = 0; i < SMALL; i++) {
                Inbound.assertCame(right.small, i, 100 * i, where);
                Inbound.assertCame(left.small, i, i, where);
                if (i % EVERY == 0) {
                    Inbound.assertCame(right.large, i, bytes(i), where);
                    Inbound.assertCame(left.large, i, bytes(i), where);
                }
            }
            assertTrue(a.drain(2, Duration.ofSeconds(Inbound.PATIENCE_SECONDS)), where);
            assertTrue(b.drain(1, Duration.ofSeconds(Inbound.PATIENCE_SECONDS)), where);
            assertTrue(right.small.isEmpty() && right.large.isEmpty() && left.small.isEmpty() && left.large.isEmpty(), "something came twice; " + where);
            // more rounds, until the harm was seen: it is drawn, and a round is short
            for (int i = 0; a.counts().badFrames() + b.counts().badFrames() == 0 || a.counts().connected() < 3; i++) {
                assertTrue(i < 100, "the proxy did no harm; " + where);
                assertTrue(a.send(2, Inbound.message(i, bytes(i))));
                assertTrue(b.send(1, Inbound.message(i, bytes(i))));
                Inbound.assertCame(right.large, i, bytes(i), where);
                Inbound.assertCame(left.large, i, bytes(i), where);
            }
            for (RoughProxy.Harm harm : RoughProxy.Harm.values()) {
                HARM.merge(harm, toA.count(harm) + toB.count(harm), Integer::sum);
            }
        }
    }

    @AfterAll static void everyHarmWasDone() {
        System.out.println("transport: harm done " + HARM);
        assertTrue(Long.getLong("xiaolu.test.seed") != null || HARM.values().stream().allMatch(count -> count > 0), () -> "over all seeds: " + HARM);
    }
}
