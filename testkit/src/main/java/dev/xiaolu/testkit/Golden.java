package dev.xiaolu.testkit;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.store.Safetensors;
import dev.xiaolu.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.net.JarURLConnection;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// What another program made of known inputs: a folder `golden/NAME` on the class path with tensors, `golden.json`, and for models a checkpoint.
///
/// How each was recorded stands in `testkit/recorders`. Tensors are copies that live as long as somebody holds them. Immutable and thread-safe.
public final class Golden {
    private static final Map<String, Path> FOLDERS = new ConcurrentHashMap<>();
    private static final ObjectMapper JSON = new ObjectMapper();

    private final String name;
    private final Path folder;

    private Golden(String name, Path folder) {
        this.name = name;
        this.folder = folder;
    }

    /// The golden of this name, for example `rms_norm` or `llama/llama3`.
    public static Golden open(String name) {
        return new Golden(name, FOLDERS.computeIfAbsent(name, one -> locate(Golden.class.getClassLoader(), one)));
    }

    /// The folder as files: a copy that goes when the JVM ends, where the class path has it in a jar.
    public Path folder() {
        return folder;
    }

    /// The names of an operator's cases, as recorded.
    public List<String> cases() {
        return List.copyOf(json("golden.json").required("cases").propertyNames());
    }

    /// The parameters of one case of an operator, under the names of the operator's record.
    public JsonNode parameters(String oneCase) {
        return json("golden.json").required("cases").required(oneCase);
    }

    /// All tensors of `FILE.safetensors`, in the order of their names in the file; a case of an operator is such a file.
    public Map<String, Tensor> tensors(String file) {
        var tensors = new LinkedHashMap<String, Tensor>();
        try (var source = Safetensors.open(folder.resolve(file + ".safetensors"))) {
            for (String each : source.names()) {
                Tensor mapped = source.tensor(each);
                Tensor copy = Tensor.zeros(Arena.ofAuto(), mapped.dtype(), mapped.shape());
                copy.data().copyFrom(mapped.data().asSlice(0, mapped.type().bytes()));
                tensors.put(each, copy);
            }
        }
        return tensors;
    }

    /// One tensor of `FILE.safetensors`.
    public Tensor tensor(String file, String tensor) {
        Tensor found = tensors(file).get(tensor);
        check(found != null, "golden %s: %s.safetensors has no tensor '%s'", name, file, tensor);
        return found;
    }

    /// A JSON file of the golden, for example `training.json`.
    public JsonNode json(String file) {
        return JSON.readTree(folder.resolve(file));
    }

    /// The golden's folder among the files of a class loader, unpacked where it lies in a jar.
    static Path locate(ClassLoader classes, String name) {
        URL note = classes.getResource("golden/" + name + "/golden.json");
        check(note != null, "golden %s: golden/%s/golden.json is not on the class path", name, name);
        try {
            if (note.getProtocol().equals("file")) {
                return Path.of(note.toURI()).getParent();
            }
            URI jar = ((JarURLConnection) note.openConnection()).getJarFileURL().toURI();
            try (var files = FileSystems.newFileSystem(Path.of(jar))) {
                return unpack(files.getPath("golden/" + name));
            }
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        } catch (URISyntaxException odd) {
            throw new IllegalStateException("golden " + name + ": " + note, odd);
        }
    }

    private static Path unpack(Path source) throws IOException {
        Path target = Files.createTempDirectory("golden");
        Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(target)));
        try (var paths = Files.walk(source)) {
            for (Path path : (Iterable<Path>) paths::iterator) {
                Path copy = target.resolve(source.relativize(path).toString());
                if (Files.isDirectory(path)) {
                    Files.createDirectories(copy);
                } else {
                    Files.copy(path, copy);
                }
            }
        }
        return target;
    }

    private static void delete(Path folder) {
        try (var paths = Files.walk(folder)) {
            List<Path> deepestFirst = new ArrayList<>(paths.toList());
            deepestFirst.sort(Comparator.reverseOrder());
            for (Path path : deepestFirst) {
                Files.delete(path);
            }
        } catch (IOException left) {
            throw new UncheckedIOException(left);
        }
    }
}
