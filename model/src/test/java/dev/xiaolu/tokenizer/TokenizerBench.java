package dev.xiaolu.tokenizer;

import dev.xiaolu.store.Json;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.zip.ZipFile;
import tools.jackson.databind.node.ObjectNode;

/// Measures training and encoding on the Java sources of the JDK, in processor time of one thread.
///
/// Run the class with the test class path of `model`; the first argument is the megabytes to read (16), the second the archive (`lib/src.zip` of the JDK).
public final class TokenizerBench {
    private static final int ROUNDS = 6;

    private TokenizerBench() {}

    public static void main(String[] args) throws IOException {
        long megabytes = args.length > 0 ? Long.parseLong(args[0]) : 16;
        Path archive = args.length > 1 ? Path.of(args[1]) : Path.of(System.getProperty("java.home"), "lib", "src.zip");
        List<byte[]> documents = documents(archive, megabytes * 1_000_000);
        long bytes = documents.stream().mapToLong(document -> document.length).sum();

        double best = Double.MAX_VALUE;
        Tokenizer trained = null;
        for (int round = 0; round < 3; round++) {
            long start = cpuNanos();
            trained = TokenizerTrainer.of(8192).train(documents);
            best = Math.min(best, (cpuNanos() - start) * 1e-9);
        }
        print("train      vocabulary %d on %.1f MB: %.2f s", trained.vocabSize(), bytes * 1e-6, best);

        ObjectNode json = (ObjectNode) Json.readObject("trained", trained.json());
        for (String name : List.of("llama3", "qwen", "deepseek", "gpt2", "o200k")) {
            json.set("pre_tokenizer", Goldens.json(name + "/tokenizer.json").get("pre_tokenizer"));
            encode(name, Tokenizer.of(name, Json.write(json), Optional.empty()).encoder(), documents, bytes);
        }
    }

    private static void encode(String name, Encoder encoder, List<byte[]> documents, long bytes) {
        double best = Double.MAX_VALUE;
        long tokens = 0;
        for (int round = 0; round < ROUNDS; round++) {
            long start = cpuNanos();
            tokens = 0;
            for (byte[] document : documents) {
                tokens += encoder.encode(document, 0, document.length, true);
            }
            best = Math.min(best, (cpuNanos() - start) * 1e-9);
        }
        print("encode     %-9s %6.1f MB/s a core, %.2f bytes a token", name, bytes * 1e-6 / best, (double) bytes / tokens);
    }

    private static List<byte[]> documents(Path archive, long most) throws IOException {
        List<byte[]> documents = new ArrayList<>();
        long bytes = 0;
        try (var zip = new ZipFile(archive.toFile())) {
            for (var entry : Collections.list(zip.entries())) {
                if (entry.getName().endsWith(".java") && bytes < most) {
                    byte[] text = zip.getInputStream(entry).readAllBytes();
                    documents.add(text);
                    bytes += text.length;
                }
            }
        }
        return documents;
    }

    private static long cpuNanos() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    private static void print(String format, Object... values) {
        System.out.println(String.format(Locale.ROOT, format, values));
    }
}
