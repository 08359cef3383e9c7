package dev.xiaolu.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeModel;
import java.lang.classfile.MethodModel;
import java.lang.classfile.attribute.CodeAttribute;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// The laws of `docs/adding-an-operator.md` by which vectors do not become objects: only methods named `…Loop` call methods of ours that take or give vectors, since the compiler is told to inline those nowhere;
/// and of every type of elements there is one class of vectors.
class VectorLoopsTest {
    /// Bytes of code above which HotSpot inlines a method nowhere (its `FreqInlineSize`).
    private static final int INLINED = 325;
    private static final String VECTORS = "Ljdk/incubator/vector/";

    private record Code(String name, MethodModel method) {
        CodeModel model() {
            return method.code().orElseThrow();
        }
    }

    private static List<Code> code() throws IOException, URISyntaxException {
        List<Code> all = new ArrayList<>();
        Path classes = Path.of(Vectors.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        try (Stream<Path> files = Files.walk(classes)) {
            for (Path file : files.filter(file -> file.toString().endsWith(".class")).toList()) {
                ClassModel type = ClassFile.of().parse(file);
                type.methods().stream().filter(method -> method.code().isPresent())
                        .forEach(method -> all.add(new Code(type.thisClass().asInternalName() + "." + method.methodName().stringValue(), method)));
            }
        }
        return all;
    }

    @Test void onlyLoopsOfTheirOwnCallWhatTakesOrGivesVectors() throws IOException, URISyntaxException {
        List<String> callers = new ArrayList<>();
        List<String> wrong = new ArrayList<>();
        for (Code code : code()) {
            if (!code.method.methodType().stringValue().contains(VECTORS) && passesVectors(code.model())) {
                callers.add(code.name);
                if (!code.name.endsWith("Loop") && !code.name.endsWith("<clinit>") && ((CodeAttribute) code.model()).codeLength() <= INLINED) {
                    wrong.add(code.name);
                }
            }
        }
        assertTrue(callers.size() > 20, () -> "found only " + callers);
        assertEquals(List.of(), wrong, "methods to be named …Loop");
    }

    /// The compiler knows which classes of vectors came through a method that all have in common, as the product with a number; where it has seen two it inlines both and makes objects of their results.
    @Test void ofEveryTypeOfElementsThereAreVectorsOfOneLength() throws IOException, URISyntaxException {
        Set<String> callers = new TreeSet<>();
        for (Code code : code()) {
            if (code.model().elementStream().anyMatch(element -> element instanceof InvokeInstruction call && call.owner().asInternalName().equals("jdk/incubator/vector/VectorSpecies") && call.name().equalsString("of")
                    || element instanceof FieldInstruction field && field.name().stringValue().startsWith("SPECIES_") && !field.name().equalsString("SPECIES_PREFERRED"))) {
                callers.add(code.name);
            }
        }
        assertEquals(Set.of("dev/xiaolu/cpu/Vectors.<clinit>", "dev/xiaolu/cpu/CastKernel.<clinit>"), callers, "who makes species of vectors; shorts are the one that is not in Vectors");
    }

    private static boolean passesVectors(CodeModel code) {
        return code.elementStream().anyMatch(element -> element instanceof InvokeInstruction call
                && call.owner().asInternalName().startsWith("dev/xiaolu/") && call.type().stringValue().contains(VECTORS));
    }
}
