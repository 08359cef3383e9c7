package dev.xiaolu.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.constantpool.ClassEntry;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.constantpool.StringEntry;
import java.lang.classfile.constantpool.Utf8Entry;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

/// The compiled product, as the rules of its architecture see it: every class of every module on the class path of the tests,
/// whether the module lies there as a folder of classes (`mvn test`) or as a jar (`mvn package`). An entry is a module of the
/// product when its `module-info` says so.
final class ProductClasses {
    private static final String PREFIX = "dev.xiaolu.";
    private static final Pattern IN_DESCRIPTOR = Pattern.compile("L((?:[\\w$]+/)+[\\w$]+)[;<]");

    private ProductClasses() {
    }

    /// The classes of each module, by the module's name without `dev.xiaolu.`; `module-info` is left out.
    static Map<String, List<ClassModel>> byModule() {
        var modules = new TreeMap<String, List<ClassModel>>();
        for (String entry : classPath().split(Pattern.quote(System.getProperty("path.separator")))) {
            Path path = Path.of(entry);
            if (Files.isDirectory(path)) {
                read(path, modules);
            } else if (entry.endsWith(".jar") && Files.exists(path)) {
                try (var jar = FileSystems.newFileSystem(path)) {
                    read(jar.getPath("/"), modules);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
        }
        return modules;
    }

    /// The class path of the tests; Maven keeps it under a name of its own when it starts the JVM with a jar that only lists it.
    static String classPath() {
        return System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    }

    private static void read(Path root, Map<String, List<ClassModel>> modules) {
        Path info = root.resolve("module-info.class");
        if (!Files.exists(info)) {
            return;
        }
        String name = parse(info).findAttribute(Attributes.module()).orElseThrow().moduleName().name().stringValue();
        if (name.startsWith(PREFIX)) {
            modules.computeIfAbsent(name.substring(PREFIX.length()), _ -> new ArrayList<>()).addAll(in(root));
        }
    }

    /// Every class below a folder.
    static List<ClassModel> in(Path root) {
        try (var files = Files.walk(root)) {
            return files.filter(file -> file.toString().endsWith(".class") && !file.endsWith("module-info.class")).sorted().map(ProductClasses::parse).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static ClassModel parse(Path file) {
        try {
            return ClassFile.of().parse(Files.readAllBytes(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static String name(ClassModel type) {
        return type.thisClass().asInternalName().replace('/', '.');
    }

    /// Every class that `type` names: in code, in the types of fields and methods, as an argument of a generic type or in an
    /// annotation. What only a text constant says is not a name.
    static Set<String> names(ClassModel type) {
        var texts = new HashSet<Integer>();
        for (PoolEntry entry : type.constantPool()) {
            if (entry instanceof StringEntry text) {
                texts.add(text.utf8().index());
            }
        }
        var names = new TreeSet<String>();
        for (PoolEntry entry : type.constantPool()) {
            if (entry instanceof ClassEntry named && !named.asInternalName().startsWith("[")) {
                names.add(named.asInternalName().replace('/', '.'));
            } else if (entry instanceof Utf8Entry utf8 && !texts.contains(utf8.index())) {
                IN_DESCRIPTOR.matcher(utf8.stringValue()).results().forEach(found -> names.add(found.group(1).replace('/', '.')));
            }
        }
        return names;
    }
}
