package dev.xiaolu.bench;

import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.platform.InputException;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// A Python program that does the same work with another library: it answers each line `go …` with one measurement and is idle in between.
///
/// Owns its process until [#close]. One thread at a time.
final class Peer implements AutoCloseable {
    /// The environment variable that names the Python to use where no option does.
    static final String VARIABLE = "XIAOLU_PEER_PYTHON";

    private static final List<String> SCRIPTS = List.of("protocol.py", "gemm_peer.py", "train_peer.py", "deepseek4_peer.py", "decode_peer.py");
    private static final ObjectMapper JSON = new ObjectMapper();

    private final String script;
    private final Path folder;
    private final Process process;
    private final BufferedReader answers;
    private final BufferedWriter questions;
    private final String name;

    /// Starts `script` with `arguments` and waits until it is warm.
    Peer(Path python, String script, List<String> arguments) {
        this.script = script;
        folder = unpack();
        var command = new ArrayList<>(List.of(python.toString(), folder.resolve(script).toString(), "--interactive"));
        command.addAll(arguments);
        try {
            var builder = new ProcessBuilder(command).redirectError(folder.resolve("errors").toFile());
            builder.environment().put("PYTHONDONTWRITEBYTECODE", "1");
            process = builder.start();
        } catch (IOException failed) {
            delete(folder);
            throw new InputException("peer " + script + ": " + python + " cannot be run (" + failed.getMessage() + "); give a Python with torch and numpy, as bench/peers/README.md says", failed);
        }
        answers = new BufferedReader(process.inputReader(StandardCharsets.UTF_8));
        questions = new BufferedWriter(process.outputWriter(StandardCharsets.UTF_8));
        name = answer().required("peer").asString();
    }

    /// The Python of the option, else that of the environment, else none: then the bench runs without peers.
    static Optional<Path> python(Optional<Path> option) {
        Optional<Path> python = option.or(() -> Optional.ofNullable(System.getenv(VARIABLE)).filter(value -> !value.isBlank()).map(Path::of));
        python.ifPresent(path -> checkInput(Files.isExecutable(path), "peer python %s: no such program; give the python of a virtual environment with torch and numpy", path));
        return python.map(Path::toAbsolutePath);                 // not resolved further: a virtual environment's python is a link
    }

    /// The library and its version, as the peer says.
    String name() {
        return name;
    }

    /// Asks for one measurement; `words` follow `go`.
    JsonNode ask(String... words) {
        try {
            questions.write("go " + String.join(" ", words) + "\n");
            questions.flush();
        } catch (IOException gone) {
            throw stopped(gone);
        }
        return answer();
    }

    private JsonNode answer() {
        try {
            String line = answers.readLine();
            if (line == null) {
                throw stopped(null);
            }
            return JSON.readTree(line);
        } catch (IOException gone) {
            throw stopped(gone);
        }
    }

    private InputException stopped(IOException cause) {
        String words = "nothing";
        try {
            process.waitFor(5, TimeUnit.SECONDS);
            List<String> lines = Files.readAllLines(folder.resolve("errors"));
            words = lines.isEmpty() ? words : lines.getLast();
        } catch (IOException unreadable) {
            words = unreadable.getMessage();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        close();
        return new InputException("peer " + script + " stopped; its last words: " + words, cause);
    }

    @Override public void close() {
        try {
            questions.close();
        } catch (IOException alreadyGone) {
            process.destroy();
        }
        try {
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
            }
        } catch (InterruptedException interrupted) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
        delete(folder);
    }

    private static Path unpack() {
        try {
            Path folder = Files.createTempDirectory("xiaolu-peers");
            folder.toFile().deleteOnExit();                      // last of all: also where Ctrl+C ends the bench
            folder.resolve("errors").toFile().deleteOnExit();
            for (String each : SCRIPTS) {
                folder.resolve(each).toFile().deleteOnExit();
                try (InputStream in = Peer.class.getResourceAsStream("peers/" + each)) {
                    Files.copy(in, folder.resolve(each));
                }
            }
            return folder;
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private static void delete(Path folder) {
        try (var files = Files.walk(folder)) {
            for (Path path : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        } catch (IOException left) {
            throw new UncheckedIOException("the peers' folder " + folder + " cannot be removed", left);
        }
    }
}
