package dev.xiaolu.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.classfile.ClassModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Who may import whom, read from the class files: between modules by the table, inside a module only upwards.
class LayersTest {
    private static final String JACKSON = "tools.jackson., com.fasterxml.jackson.annotation.";

    /// The rule. A name in `packages` covers the packages below it; they stand lowest last, and each may import those before it.
    /// `java.` and `jdk.` are open to all. A module, and a library, is added here together with the record of the decision.
    private static final List<Layer> TABLE = List.of(
            //        module     its packages, in reading order          modules it may import             what else it may import
            new Layer("core",    "platform, shape, op, tensor",          "",                               ""),
            new Layer("store",   "store",                                "core",                           JACKSON),
            new Layer("testkit", "testkit",                              "core, store",                    JACKSON + ", org.junit.jupiter., com.sun.management."),
            new Layer("cpu",     "cpu",                                  "core",                           ""),
            new Layer("cluster", "comm, recover",                        "core",                           "javax.crypto."),    // of java.base: HMAC
            new Layer("sim",     "sim",                                 "core, cluster",                  ""),
            new Layer("consensus", "consensus",                          "core, cluster",                  "io.microraft."),
            new Layer("model",   "autograd, nn, tokenizer, prompt, models", "core, store",                  JACKSON),
            new Layer("train",   "data, optim, train, status, rank",     "core, store, cluster, consensus, model", JACKSON + ", dev.hardwood., org.xerial.snappy., com.github.luben.zstd., io.prometheus.metrics., com.sun.net.httpserver."),
            new Layer("bench",   "bench",                                "core, store, cpu, model, train", JACKSON + ", com.sun.management."),
            new Layer("cli",     "cli",                                  "core, store, cluster, sim, model, train, bench", JACKSON + ", picocli., org.jline., com.sun.management., sun.misc."));

    /// One line of the table.
    private record Layer(String module, List<String> packages, List<String> modules, List<String> libraries) {
        Layer(String module, String packages, String modules, String libraries) {
            this(module, words(packages), words(modules), words(libraries));
        }

        private static List<String> words(String text) {
            return text.isEmpty() ? List.of() : List.of(text.split(", "));
        }

        /// Where the package of a class stands in this module, -1 where it does not belong to it.
        int rank(String type) {
            for (int i = 0; i < packages.size(); i++) {
                if (type.startsWith("dev.xiaolu." + packages.get(i) + ".")) {
                    return i;
                }
            }
            return -1;
        }
    }

    @TempDir
    Path folder;

    @Test
    void everyModuleIsInTheTableAndWasRead() {
        var read = ProductClasses.byModule();
        assertEquals(new TreeSet<>(TABLE.stream().map(Layer::module).toList()), read.keySet());
        read.forEach((module, types) -> assertFalse(types.isEmpty(), module));
    }

    @Test
    void everyClassImportsOnlyWhatTheTableAllows() {
        var faults = new ArrayList<String>();
        ProductClasses.byModule().forEach((module, types) -> types.forEach(type -> faults.addAll(faults(module, type))));
        assertTrue(faults.isEmpty(), () -> "\n" + String.join("\n", faults));
    }

    @Test
    void importFromALowerPackageIsReported() throws IOException {
        assertEquals(List.of("dev.xiaolu.shape.Offender imports dev.xiaolu.tensor.Tensor; in core only [platform] come before shape"),
                faults("core", compiled("dev.xiaolu.shape", "int rank(dev.xiaolu.tensor.Tensor x) { return 0; }")));
    }

    @Test
    void importFromAnotherModelFamilyIsReported() throws IOException {
        assertEquals(List.of("dev.xiaolu.models.other.Offender imports dev.xiaolu.models.llama.LlamaConfig;"
                        + " in model only [autograd, nn, tokenizer, prompt] come before models"),
                faults("model", compiled("dev.xiaolu.models.other", "java.util.List<dev.xiaolu.models.llama.LlamaConfig> configs;")));
    }

    @Test
    void importFromAModuleOutsideTheTableIsReported() throws IOException {
        assertEquals(List.of("dev.xiaolu.train.Offender imports dev.xiaolu.cpu.CpuProvider; train may import [core, store, cluster, consensus, model]"),
                faults("train", compiled("dev.xiaolu.train", "Object backend() { return new dev.xiaolu.cpu.CpuProvider(); }")));
    }

    @Test
    void importOfALibraryOutsideTheTableIsReported() throws IOException {
        assertEquals(List.of("dev.xiaolu.op.Offender imports tools.jackson.databind.JsonNode; outside the product core may import [java., jdk.]"),
                faults("core", compiled("dev.xiaolu.op", "boolean is(Object x) { return x instanceof tools.jackson.databind.JsonNode; }")));
    }

    @Test
    void packageOutsideTheTableIsReported() throws IOException {
        assertEquals(List.of("dev.xiaolu.news.Offender lies in core, whose packages are [platform, shape, op, tensor]"),
                faults("core", compiled("dev.xiaolu.news", "")));
    }

    @Test
    void importsUpwardsAndInsideAPackageAreNoFaults() throws IOException {
        assertEquals(List.of(), faults("core", compiled("dev.xiaolu.tensor",
                "Tensor of(dev.xiaolu.shape.Shape s) { return null; } String text = \"Ldev/xiaolu/cpu/CpuProvider;\";")));
    }

    private static List<String> faults(String module, ClassModel type) {
        Layer layer = TABLE.stream().filter(each -> each.module.equals(module)).findFirst().orElseThrow(() -> new AssertionError(module + " is not in the table"));
        String name = ProductClasses.name(type);
        int rank = layer.rank(name);
        if (rank < 0) {
            return List.of("%s lies in %s, whose packages are %s".formatted(name, module, layer.packages));
        }
        return ProductClasses.names(type).stream().flatMap(other -> fault(layer, rank, name, other).stream()).map(why -> name + " imports " + why).toList();
    }

    private static Optional<String> fault(Layer layer, int rank, String name, String other) {
        if (!other.startsWith("dev.xiaolu.")) {
            var open = new ArrayList<>(List.of("java.", "jdk."));
            open.addAll(layer.libraries);
            return open.stream().anyMatch(other::startsWith) ? Optional.empty()
                    : Optional.of("%s; outside the product %s may import %s".formatted(other, layer.module, open));
        }
        int otherRank = layer.rank(other);
        if (otherRank >= 0) {
            return otherRank < rank || packageOf(other).equals(packageOf(name)) ? Optional.empty()
                    : Optional.of("%s; in %s only %s come before %s".formatted(other, layer.module, layer.packages.subList(0, rank), layer.packages.get(rank)));
        }
        boolean allowed = TABLE.stream().anyMatch(each -> layer.modules.contains(each.module) && each.rank(other) >= 0);
        return allowed ? Optional.empty() : Optional.of("%s; %s may import %s".formatted(other, layer.module, layer.modules));
    }

    private static String packageOf(String type) {
        return type.substring(0, type.lastIndexOf('.'));
    }

    /// The class `Offender` of a package, with these members, as the compiler makes it.
    private ClassModel compiled(String inPackage, String members) throws IOException {
        Path source = Files.writeString(folder.resolve("Offender.java"), "package %s; class Offender { %s }".formatted(inPackage, members));
        int code = ToolProvider.getSystemJavaCompiler().run(null, null, null, "-proc:none", "-cp", ProductClasses.classPath(), "-d", folder.toString(), source.toString());
        assertEquals(0, code);
        return ProductClasses.in(folder).getFirst();
    }
}
