package dev.xiaolu.comm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// Two JVMs, of which one is stopped, continued and killed by signals.
@Timeout(600)
@DisabledOnOs(OS.WINDOWS)                                                // has no such signals
class TwoProcessesTest {
    private static final int COUNT = 25, BYTES = 4_000_000;

    @TempDir Path folder;

    /// The other process: sends back each large message that comes.
    static final class Echo {
        /// Takes the file of the key; prints the port.
        public static void main(String[] arguments) throws Exception {
            var inbound = new Inbound(true);
            try (Endpoint endpoint = Endpoint.open("127.0.0.1", 0, 2, RunKey.read(Path.of(arguments[0])), inbound)) {
                System.out.println(endpoint.port());
                while (true) {
                    Message came = inbound.large.take();
                    endpoint.send(1, came);
                }
            }
        }
    }

    private static void signal(String name, Process process) throws IOException, InterruptedException {
        assertEquals(0, new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).inheritIO().start().waitFor());
    }

    @Test void whatAStoppedProcessOwesComesOnceItIsContinuedAndAKilledOneIsReported() throws Exception {
        RunKey key = RunKey.random();
        Path file = folder.resolve("key");
        key.write(file);
        Process echo = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx512m", "-XX:+UseSerialGC", "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")), Echo.class.getName(), file.toString()).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        var inbound = new Inbound(true);
        var patience = Duration.ofSeconds(1);
        try (BufferedReader printed = echo.inputReader();
                Endpoint endpoint = Endpoint.open(Endpoint.Options.of("127.0.0.1", 0, 1, key).withSilence(patience).withUnreachableAfter(patience), inbound)) {
            endpoint.know(2, "127.0.0.1", Integer.parseInt(printed.readLine()));
            byte[] body = new byte[BYTES];
            new Random(5).nextBytes(body);
            Thread sender = Thread.ofPlatform().daemon().start(() -> {
                for (int i = 0; i < COUNT; i++) {
                    endpoint.send(2, new Message(i, new byte[0], MemorySegment.ofArray(body)));
                }
            });
            for (int i = 0; i < COUNT; i++) {
                if (i == 5) {
                    signal("STOP", echo);
                    inbound.failures.clear();
                    inbound.assertFailed(2, TransportException.Reason.UNREACHABLE);
                    signal("CONT", echo);
                }
                Message came = inbound.large.poll(Inbound.PATIENCE_SECONDS, TimeUnit.SECONDS);
                assertNotNull(came, "message " + i + " never came back");
                assertEquals(i, came.kind());
                assertEquals(-1, came.body().mismatch(MemorySegment.ofArray(body)), "message " + i);
            }
            sender.join();
            assertTrue(endpoint.drain(2, Duration.ofSeconds(Inbound.PATIENCE_SECONDS)));
            assertTrue(inbound.large.isEmpty(), "something came twice");
            assertTrue(endpoint.counts().connected() >= 2, "the connection outlived the stop");
            inbound.failures.clear();
            signal("KILL", echo);
            inbound.assertFailed(2, TransportException.Reason.UNREACHABLE);
            assertTrue(endpoint.send(2, Message.of(1)), "unreachable is not yet forgotten");
        } finally {
            echo.destroyForcibly();
        }
    }
}
