package dev.xiaolu.comm;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/// Prints how many MB/s one link carries over loopback, both ends in this JVM, after a round to warm up. A program, not a test: nothing is asserted.
final class Throughput {
    private static final int ROUNDS = 4, COUNT = 40;
    private static final long BYTES = 16L << 20;

    private Throughput() {}

    public static void main(String[] arguments) {
        RunKey key = RunKey.random();
        var bytes = new AtomicLong();
        var receiver = new Endpoint.Receiver() {
            @Override public void received(long from, Message message) {
                bytes.addAndGet(message.bytes());
            }

            @Override public void failed(long peer, TransportException why) {
                System.out.println(why.getMessage());
            }
        };
        try (Endpoint a = Endpoint.open("127.0.0.1", 0, 1, key, receiver); Endpoint b = Endpoint.open("127.0.0.1", 0, 2, key, receiver); Arena arena = Arena.ofShared()) {
            a.know(2, "127.0.0.1", b.port());
            MemorySegment body = arena.allocate(BYTES, 64);
            for (int round = 0; round <= ROUNDS; round++) {
                bytes.set(0);
                long begun = System.nanoTime();
                for (int i = 0; i < COUNT; i++) {
                    a.send(2, new Message(i, new byte[0], body));
                }
                boolean whole = a.drain(2, Duration.ofMinutes(5));
                double seconds = (System.nanoTime() - begun) / 1e9;
                System.out.printf("%s: %d messages of 16 MiB, %.0f MB/s%s%n", round == 0 ? "warm-up" : "round " + round, COUNT, bytes.get() / seconds / 1e6, whole ? "" : ", not whole");
            }
        }
    }
}
