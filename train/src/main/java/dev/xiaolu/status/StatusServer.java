package dev.xiaolu.status;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.xiaolu.platform.Clock;
import dev.xiaolu.train.Metrics;
import dev.xiaolu.train.MetricsTail;
import dev.xiaolu.train.RunJournal;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/// Shows a run to browsers and scrapers of this machine: `/` a page, `/live.json` its parts anew, `/status.json`, `/metrics`.
///
/// Has no effect on the run: it reads a status that is made anyway and the file of metrics; answers are made at most twice a second, whoever asks; a slow client holds a virtual thread,
/// and of clients there are only so many. Listens on loopback alone and answers only to names of loopback, so that no page from elsewhere can have a browser read it for it.
public final class StatusServer implements AutoCloseable {
    private static final int MOST_CONNECTIONS = 64, MOST_AT_ONCE = 32;
    private static final Pattern LOOPBACK = Pattern.compile("(127\\.0\\.0\\.1|localhost|\\[::1])(:\\d{1,5})?");
    private static final long FRESH_NANOS = 400_000_000L;

    private final HttpServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final Semaphore places = new Semaphore(MOST_AT_ONCE);
    private final String name;
    private final Supplier<RunStatus> status;
    private final MetricsTail tail;
    private final Clock clock;
    private Answers answers;

    /// What is answered, until it is stale.
    private record Answers(long nanos, byte[] page, byte[] live, byte[] status, byte[] metrics) {}

    private StatusServer(HttpServer server, Path folder, Supplier<RunStatus> status, Clock clock) {
        this.server = server;
        this.status = status;
        this.clock = clock;
        name = folder.toAbsolutePath().normalize().getFileName().toString();
        tail = new MetricsTail(folder.resolve(RunJournal.METRICS));
        server.setExecutor(threads);
        server.createContext("/", this::handle);
        server.start();
    }

    /// Serves the run in `folder` at `port`, any free one for 0; none for -1, nor where the port cannot be had: then `warn` is told, and the run is no worse for it.
    public static Optional<StatusServer> open(int port, Path folder, Supplier<RunStatus> status, Clock clock, Consumer<String> warn) {
        if (port < 0) {
            return Optional.empty();
        }
        limit("jdk.httpserver.maxConnections", MOST_CONNECTIONS);
        limit("sun.net.httpserver.maxReqTime", 10);              // seconds for a request to come
        limit("sun.net.httpserver.maxRspTime", 30);              // seconds for an answer to be taken
        try {
            return Optional.of(new StatusServer(HttpServer.create(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), port), MOST_CONNECTIONS), folder, status, clock));
        } catch (IOException refused) {
            warn.accept("launch.page_port is %d, which cannot be listened at (%s); the run has no page".formatted(port, refused.getMessage()));
            return Optional.empty();
        }
    }

    /// The JDK's server takes these limits from the process; whoever set one before knows why.
    private static void limit(String property, int value) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, Integer.toString(value));
        }
    }

    /// Where it is to be seen.
    public String address() {
        return "http://127.0.0.1:%d/".formatted(server.getAddress().getPort());
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            String host = exchange.getRequestHeaders().getFirst("Host");
            if (host == null || !LOOPBACK.matcher(host).matches()) {
                send(exchange, 403, "text/plain", "this page answers to names of loopback alone, as 127.0.0.1\n");
            } else if (!exchange.getRequestMethod().equals("GET")) {
                exchange.getResponseHeaders().set("Allow", "GET");
                send(exchange, 405, "text/plain", "wanted GET\n");
            } else if (!places.tryAcquire()) {
                send(exchange, 503, "text/plain", "too many at once\n");
            } else {
                try {
                    answer(exchange);
                } finally {
                    places.release();
                }
            }
        }
    }

    private void answer(HttpExchange exchange) throws IOException {
        switch (exchange.getRequestURI().getRawPath()) {
            case "/" -> send(exchange, 200, "text/html", answers().page);
            case "/live.json" -> send(exchange, 200, "application/json", answers().live);
            case "/status.json" -> send(exchange, 200, "application/json", answers().status);
            case "/metrics" -> send(exchange, 200, PrometheusText.TYPE, answers().metrics);
            default -> send(exchange, 404, "text/plain", "wanted /, /status.json or /metrics\n");
        }
    }

    private synchronized Answers answers() {
        if (answers == null || clock.nanos() - answers.nanos > FRESH_NANOS) {
            tail.follow();
            RunStatus now = status.get();
            Optional<Metrics> newest = tail.newest();
            var page = new StatusPage(name, now, tail);
            answers = new Answers(clock.nanos(), bytes(page.html()), bytes(page.live()), bytes(now.brief().json()), PrometheusText.of(name, now, newest));
        }
        return answers;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void send(HttpExchange exchange, int code, String type, String text) throws IOException {
        send(exchange, code, type, bytes(text));
    }

    private static void send(HttpExchange exchange, int code, String type, byte[] body) throws IOException {
        var headers = exchange.getResponseHeaders();
        headers.set("Content-Type", type.contains("charset") ? type : type + "; charset=utf-8");
        headers.set("Cache-Control", "no-store");
        headers.set("Content-Security-Policy", StatusPage.POLICY);
        headers.set("X-Content-Type-Options", "nosniff");
        headers.set("Cross-Origin-Resource-Policy", "same-origin");
        headers.set("Referrer-Policy", "no-referrer");
        boolean headAlone = exchange.getRequestMethod().equals("HEAD");
        exchange.sendResponseHeaders(code, headAlone ? -1 : body.length);
        if (!headAlone) {
            exchange.getResponseBody().write(body);
        }
    }

    @Override public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
