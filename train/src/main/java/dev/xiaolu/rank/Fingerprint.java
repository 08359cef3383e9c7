package dev.xiaolu.rank;

import dev.xiaolu.op.Numerics;
import dev.xiaolu.store.Sha256;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.RunData;
import dev.xiaolu.train.Settings;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.module.ModuleReference;
import java.lang.module.ResolvedModule;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/// What must be the same at every rank for them to compute the same bits, as named values, so that a difference can be named.
final class Fingerprint {
    private Fingerprint() {}

    /// Of this process: program, arithmetic, text, tokenizer, and every setting that decides bits.
    static SortedMap<String, String> of(RunConfig config, RunData data) {
        var values = new TreeMap<String, String>();
        values.put("program", program());
        values.put("arithmetic version", Integer.toString(Numerics.VERSION));
        values.put("corpus", data.digest());
        data.tokenizerFiles().forEach((name, bytes) -> values.put(name, Sha256.hex(bytes)));
        Map<String, Object> settings = Settings.values(config);
        for (Settings.Row row : Settings.all()) {
            if (!row.free() && settings.containsKey(row.key())) {
                values.put(row.key(), String.valueOf(settings.get(row.key())));
            }
        }
        return values;
    }

    /// A hash of the program's own classes, wherever they were loaded from.
    private static String program() {
        try {
            var hash = Sha256.start();
            for (Path place : places()) {
                if (Files.isDirectory(place)) {
                    add(hash, place);
                } else {
                    try (var zip = FileSystems.newFileSystem(place)) {
                        add(hash, zip.getPath("/"));
                    }
                }
            }
            return HexFormat.of().formatHex(hash.digest());
        } catch (IOException failed) {
            throw new UncheckedIOException("the program's own classes cannot be read", failed);
        }
    }

    private static List<Path> places() {
        ModuleLayer layer = Fingerprint.class.getModule().getLayer();
        var places = new ArrayList<Path>();
        if (layer == null) {                                     // from the class path
            for (String entry : System.getProperty("java.class.path").split(System.getProperty("path.separator"))) {
                if (Files.exists(Path.of(entry)) && entry.contains("xiaolu")) {
                    places.add(Path.of(entry));
                }
            }
        } else {
            layer.configuration().modules().stream().map(ResolvedModule::reference).filter(module -> module.descriptor().name().startsWith("dev.xiaolu."))
                    .sorted(Comparator.comparing(module -> module.descriptor().name())).map(ModuleReference::location).forEach(where -> places.add(Path.of(where.orElseThrow())));
        }
        return places;
    }

    private static void add(MessageDigest hash, Path root) throws IOException {
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file : files.filter(file -> file.toString().endsWith(".class") || file.toString().endsWith(".txt")).sorted(Comparator.comparing(file -> root.relativize(file).toString())).toList()) {
                hash.update(Files.readAllBytes(file));
            }
        }
    }
}
