package dev.xiaolu.status;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.Clock;
import dev.xiaolu.train.Metrics;
import dev.xiaolu.train.RouterHealth;
import dev.xiaolu.train.RunJournal;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class StatusServerTest {
    private static final Pattern METRIC = Pattern.compile("(?:# (?:HELP|TYPE) [a-z_]+ .+|[a-z_]+(?:\\{(?:[a-z_]+=\"(?:[^\"\\\\]|\\\\.)*\",?)*})? (?:[-+0-9.eE]+|\\+Inf))");

    @TempDir Path temp;
    private final List<String> warnings = new ArrayList<>();
    private StatusServer server;

    @BeforeEach void open() throws Exception {
        Path folder = Files.createDirectories(temp.resolve("a<b>\"run"));
        Files.writeString(folder.resolve(RunJournal.METRICS), row(16) + "\n" + row(17) + "\n");
        server = StatusServer.open(0, folder, () -> TestStatus.of(WriterProcess.own(), TestStatus.NOW), Clock.real(), warnings::add).orElseThrow();
    }

    @AfterEach void close() {
        server.close();
    }

    private static String row(long step) {
        var health = new RouterHealth(Map.of("layers.1", List.of(5L, 3L, 0L, 4L)), 0.9, 0.5, 0.6, 0, -0.1, 0.2);
        return new Metrics(step, 4.5, 1e-3, 0.7, 1000 * step, 1500, Double.NaN, 0.5, TestStatus.NOW, OptionalDouble.of(4.4), OptionalDouble.of(2.1), Optional.empty(), Map.of(), Optional.of(health)).json();
    }

    private HttpResponse<String> get(String path) throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            return client.send(HttpRequest.newBuilder(URI.create(server.address() + path)).build(), HttpResponse.BodyHandlers.ofString());
        }
    }

    /// Sends these lines and gives all that comes back.
    private String raw(String... lines) throws Exception {
        try (var socket = new Socket(InetAddress.getByName("127.0.0.1"), URI.create(server.address()).getPort())) {
            socket.setSoTimeout(10_000);
            socket.getOutputStream().write((String.join("\r\n", lines) + "\r\nConnection: close\r\n\r\n").getBytes(StandardCharsets.UTF_8));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    @Test void thePageShowsTheRunWithoutAScriptAndEscapesItsName() throws Exception {
        HttpResponse<String> page = get("");
        assertEquals(200, page.statusCode());
        String html = page.body();
        assertTrue(html.contains("a&lt;b&gt;&quot;run") && !html.contains("a<b>"), html);
        assertTrue(html.contains("17 / 40") && html.contains("93.0%") && html.contains("8.3") && html.contains("generation 5"), html);
        assertTrue(html.contains("its process has ended, signal 9") && html.contains("0.15 s"), html);
        assertTrue(html.contains("aria-label=\"Loss\"") && html.contains("aria-label=\"Load of each expert\"") && html.contains("aria-label=\"Ranks over time\""), html);
        assertEquals(3, html.split("class=\"life").length - 1);
        assertEquals(2, html.split("class=\"lost").length - 1);
    }

    @Test void thePageMayDoNothingButAskWhereItComesFrom() throws Exception {
        HttpResponse<String> page = get("");
        String policy = page.headers().firstValue("Content-Security-Policy").orElse("");
        assertTrue(policy.contains("default-src 'none'") && policy.contains("script-src 'sha256-") && !policy.contains("unsafe"), policy);
        assertFalse(page.body().contains("style=\"") || page.body().contains("onclick") || page.body().contains("src=\"") || page.body().contains("http://") || page.body().contains("https://"));
        assertTrue(page.headers().firstValue("Access-Control-Allow-Origin").isEmpty());
    }

    @Test void thePartsOfThePageComeAnew() throws Exception {
        JsonNode parts = JsonMapper.shared().readTree(get("live.json").body());
        assertEquals(List.of("state", "tiles", "ranks", "timeline", "charts", "faults"), List.copyOf(parts.propertyNames()));
        String page = get("").body();
        parts.properties().forEach(part -> assertTrue(page.contains("id=\"" + part.getKey() + "\""), part.getKey()));
    }

    @Test void theStatusIsServedAsItIsWritten() throws Exception {
        assertEquals(TestStatus.of(WriterProcess.own(), TestStatus.NOW), RunStatus.of("answer", get("status.json").body()));
    }

    @Test void metricsAreInTheFormatOfPrometheus() throws Exception {
        HttpResponse<String> answer = get("metrics");
        assertEquals("text/plain; version=0.0.4; charset=utf-8", answer.headers().firstValue("Content-Type").orElse(""));
        List<String> lines = answer.body().lines().toList();
        lines.forEach(line -> assertTrue(METRIC.matcher(line).matches(), line));
        String run = "run=\"a<b>\\\"run\"";
        for (String wanted : List.of("xiaolu_step{%s} 17.0", "xiaolu_checkpoint_step{%s} 10.0", "xiaolu_loss{%s} 4.5", "xiaolu_tokens_per_second{%s} 1500.0", "xiaolu_goodput_ratio{%s} 0.93", "xiaolu_generation{%s} 5.0",
                "xiaolu_ranks{%s,state=\"training\"} 1.0", "xiaolu_ranks{%s,state=\"joining\"} 1.0", "xiaolu_ranks{%s,state=\"settling\"} 0.0", "xiaolu_rank_seconds_per_leaf{rank=\"0\",%s} 0.25",
                "xiaolu_rank_seconds_since_beat{rank=\"1\",%s} 0.1", "xiaolu_faults_total{kind=\"killed\",%s} 1.0", "xiaolu_faults_total{kind=\"silent\",%s} 1.0", "xiaolu_faults_total{kind=\"stuck\",%s} 0.0",
                "xiaolu_recovery_seconds_bucket{%s,le=\"0.1\"} 0", "xiaolu_recovery_seconds_bucket{%s,le=\"0.2\"} 1", "xiaolu_recovery_seconds_bucket{%s,le=\"+Inf\"} 1", "xiaolu_recovery_seconds_count{%s} 1",
                "xiaolu_recovery_seconds_sum{%s} 0.15")) {
            assertTrue(lines.contains(wanted.replace("%s", run)), wanted + " in\n" + answer.body());
        }
    }

    @Test void namesThatAreNotOfLoopbackAreRefused() throws Exception {
        for (String host : List.of("evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "localhost.evil.example:80", "10.0.0.1")) {
            assertTrue(raw("GET /status.json HTTP/1.1", "Host: " + host).startsWith("HTTP/1.1 403"), host);
        }
        assertTrue(raw("GET /status.json HTTP/1.0").startsWith("HTTP/1.1 403"));
        assertTrue(raw("GET /status.json HTTP/1.1", "Host: localhost:8080").startsWith("HTTP/1.1 200"));
        assertTrue(raw("GET /status.json HTTP/1.1", "Host: [::1]:9").startsWith("HTTP/1.1 200"));
    }

    @Test void nothingButGetOfKnownPathsIsAnswered() throws Exception {
        for (String method : List.of("POST", "PUT", "DELETE", "OPTIONS", "HEAD")) {
            String answer = raw(method + " / HTTP/1.1", "Host: localhost", "Content-Length: 0");
            assertTrue(answer.startsWith("HTTP/1.1 405") && answer.contains("Allow: GET"), method + ": " + answer);
        }
        for (String path : List.of("/x", "/status.json/", "/../status.json", "/%2e%2e/config.yaml", "/metrics.jsonl", "//metrics/x")) {
            assertTrue(raw("GET " + path + " HTTP/1.1", "Host: localhost").startsWith("HTTP/1.1 404"), path);
        }
    }

    @Test void clientsThatSendNothingHoldUpNobody() throws Exception {
        var idle = new ArrayList<Socket>();
        try {
            for (int i = 0; i < 40; i++) {
                var socket = new Socket(InetAddress.getByName("127.0.0.1"), URI.create(server.address()).getPort());
                socket.getOutputStream().write("GET / HT".getBytes(StandardCharsets.UTF_8));
                idle.add(socket);
            }
            assertEquals(200, get("status.json").statusCode());
        } finally {
            for (Socket socket : idle) {
                socket.close();
            }
        }
    }

    @Test void aPortThatIsTakenIsSaidAndNoMore() {
        int port = URI.create(server.address()).getPort();
        assertTrue(StatusServer.open(port, temp, () -> TestStatus.of(WriterProcess.own(), TestStatus.NOW), Clock.real(), warnings::add).isEmpty());
        assertTrue(warnings.getFirst().contains("launch.page_port is " + port), warnings::toString);
        assertTrue(StatusServer.open(-1, temp, () -> TestStatus.of(WriterProcess.own(), TestStatus.NOW), Clock.real(), warnings::add).isEmpty());
        assertEquals(1, warnings.size());
    }
}
