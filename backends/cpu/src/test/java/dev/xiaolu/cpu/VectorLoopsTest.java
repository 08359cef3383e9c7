package dev.xiaolu.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeModel;
import java.lang.classfile.MethodModel;
import java.lang.classfile.attribute.CodeAttribute;
import java.lang.classfile.instruction.InvokeInstruction;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// The law of `docs/adding-an-operator.md` on methods of ours that take or give vectors: only methods named `…Loop` call them, since the compiler is told to inline those nowhere.
class VectorLoopsTest {
    /// Bytes of code above which HotSpot inlines a method nowhere (its `FreqInlineSize`).
    private static final int INLINED = 325;
    private static final String VECTORS = "Ljdk/incubator/vector/";

    @Test void onlyLoopsOfTheirOwnCallWhatTakesOrGivesVectors() throws IOException, URISyntaxException {
        List<String> callers = new ArrayList<>();
        List<String> wrong = new ArrayList<>();
        Path classes = Path.of(Vectors.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        try (Stream<Path> files = Files.walk(classes)) {
            for (Path file : files.filter(file -> file.toString().endsWith(".class")).toList()) {
                ClassModel type = ClassFile.of().parse(file);
                for (MethodModel method : type.methods()) {
                    if (method.code().isPresent() && !method.methodType().stringValue().contains(VECTORS) && passesVectors(method.code().get())) {
                        String name = type.thisClass().asInternalName() + "." + method.methodName().stringValue();
                        callers.add(name);
                        if (!name.endsWith("Loop") && !name.endsWith("<clinit>") && ((CodeAttribute) method.code().get()).codeLength() <= INLINED) {
                            wrong.add(name);
                        }
                    }
                }
            }
        }
        assertTrue(callers.size() > 20, () -> "found only " + callers);
        assertEquals(List.of(), wrong, "methods to be named …Loop");
    }

    private static boolean passesVectors(CodeModel code) {
        return code.elementStream().anyMatch(element -> element instanceof InvokeInstruction call
                && call.owner().asInternalName().startsWith("dev/xiaolu/") && call.type().stringValue().contains(VECTORS));
    }
}
