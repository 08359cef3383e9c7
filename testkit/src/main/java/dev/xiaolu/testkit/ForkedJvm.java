package dev.xiaolu.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Runs code of the test class path in a JVM of its own, for what is fixed when a JVM starts: vector width, compiler tier, module options.
public final class ForkedJvm {
    private ForkedJvm() {}

    /// Runs `main` with these JVM options and arguments; gives what it printed, and fails unless it ends with 0 within five minutes.
    public static String run(List<String> options, Class<?> main, String... arguments) {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-Xmx1g", "-XX:+UseSerialGC",
                "-XX:CompileCommand=quiet", "-XX:CompileCommand=inline,dev.xiaolu.cpu.Vector*::*", "-XX:CompileCommand=dontinline,dev.xiaolu.cpu.*::*Loop"));
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")), main.getName()));
        command.addAll(List.of(arguments));
        try {
            Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
            process.getOutputStream().close();
            Thread watch = Thread.ofVirtual().start(() -> stopLate(process));
            String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            int status = process.waitFor();
            watch.interrupt();
            assertEquals(0, status, () -> main.getSimpleName() + " with " + options + " ended badly and printed:\n" + printed);
            return printed;
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while a forked JVM ran", interrupted);
        }
    }

    /// Runs the methods of these suites marked [Test], inherited ones too, one suite after the other in one JVM with these options; fails with what failed there.
    /// Suites that share a JVM share what its compiler has done.
    public static void runTests(List<String> options, Class<?>... suites) {
        String printed = run(options, ForkedJvm.class, Arrays.stream(suites).map(Class::getName).toArray(String[]::new));
        for (Class<?> suite : suites) {
            assertTrue(printed.contains(passed(suite)), () -> suite.getSimpleName() + " ran no test and printed:\n" + printed);
        }
    }

    private static String passed(Class<?> suite) {
        return suite.getName() + ": tests passed, ";
    }

    /// The forked side of [#runTests].
    public static void main(String[] arguments) throws ReflectiveOperationException {
        for (String name : arguments) {
            Class<?> type = Class.forName(name);
            int passed = runTests(type);
            System.out.println(passed > 0 ? passed(type) + passed : name + ": no tests found");
        }
        System.exit(0);
    }

    private static int runTests(Class<?> type) throws ReflectiveOperationException {
        Object suite = construct(type);
        int passed = 0;
        call(suite, BeforeAll.class);
        for (Method test : marked(type, Test.class)) {
            call(suite, BeforeEach.class);
            test.invoke(suite);
            call(suite, AfterEach.class);
            passed++;
        }
        call(suite, AfterAll.class);
        return passed;
    }

    private static void stopLate(Process process) {
        try {
            if (!process.waitFor(5, TimeUnit.MINUTES)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException finished) {
            Thread.currentThread().interrupt();
        }
    }

    private static Object construct(Class<?> suite) throws ReflectiveOperationException {
        var constructor = suite.getDeclaredConstructor();
        constructor.setAccessible(true);
        return constructor.newInstance();
    }

    private static void call(Object suite, Class<? extends java.lang.annotation.Annotation> mark) throws ReflectiveOperationException {
        for (Method method : marked(suite.getClass(), mark)) {
            method.invoke(suite);
        }
    }

    /// Methods with this mark, those of superclasses first, by name.
    private static List<Method> marked(Class<?> suite, Class<? extends java.lang.annotation.Annotation> mark) {
        List<Method> methods = new ArrayList<>();
        for (Class<?> type = suite; type != Object.class; type = type.getSuperclass()) {
            List<Method> here = Arrays.stream(type.getDeclaredMethods()).filter(method -> method.isAnnotationPresent(mark))
                    .sorted(Comparator.comparing(Method::getName)).toList();
            here.forEach(method -> method.setAccessible(true));
            methods.addAll(0, here);
        }
        return methods;
    }
}
