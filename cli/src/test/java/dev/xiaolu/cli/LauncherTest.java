package dev.xiaolu.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Runs the launcher itself, as a process, in a tree of its own with JDKs and Mavens that are small scripts.
class LauncherTest {
    private static final List<String> TOOLS = List.of("sh", "sed", "find", "readlink", "dirname", "touch", "mkdir", "mkfifo", "rm", "cat");

    private record Answer(int code, String text, long pid) {}

    @TempDir Path temp;
    private Path root;
    private Path bin;
    private Path jdks;
    private final Map<String, String> environment = new LinkedHashMap<>();

    @BeforeEach void layOutATreeThatIsBuilt() throws Exception {
        root = Files.createDirectories(temp.resolve("a tree"));
        bin = Files.createDirectories(temp.resolve("bin"));
        jdks = Files.createDirectories(temp.resolve("my jdks"));
        Files.copy(Path.of("..", "xiaolu"), root.resolve("xiaolu"));
        executable(root.resolve("xiaolu"));
        write(root.resolve("pom.xml"), "<project/>");
        write(root.resolve("core/pom.xml"), "<project/>");
        write(root.resolve("core/src/main/java/A.java"), "class A {}");
        write(root.resolve("cli/pom.xml"), "<project/>");
        write(root.resolve("cli/src/test/java/ATest.java"), "class ATest {}");
        age(root, Instant.now().minusSeconds(3600));
        write(root.resolve("cli/target/lib/build-stamp"), "built");
        for (String tool : TOOLS) {
            write(bin.resolve(tool), "#!/bin/sh\nexec " + find(tool) + " \"$@\"\n");
            executable(bin.resolve(tool));
        }
        environment.put("PATH", bin.toString());
        environment.put("HOME", temp.toString());
        environment.put("XIAOLU_JDK_FOLDERS", jdks.toString());
    }

    @Test void withoutAnyJdkOneMessageSaysWhatWasLookedForAndWhatToInstall() throws Exception {
        Answer answer = launch("train");
        assertEquals(1, answer.code);
        for (String part : List.of("25.0.3 or later", "JAVA_HOME (not set)", jdks.toString(), "no JDK at all", "remedy: install one")) {
            assertTrue(answer.text.contains(part), part + " missing in: " + answer.text);
        }
    }

    @Test void jdksThatAreUnfitAreNamedWithVersionAndPlace() throws Exception {
        jdk("seventeen", "17.0.15");
        jdk("next", "26.0.1");
        Path home = jdk("eight", "1.8.0_392");
        Files.createSymbolicLink(bin.resolve("java"), home.resolve("bin/java"));
        Answer answer = launch("train");
        assertEquals(1, answer.code);
        for (String part : List.of("17.0.15 in " + jdks.resolve("seventeen"), "26.0.1 in " + jdks.resolve("next"), "1.8.0_392 in ")) {
            assertTrue(answer.text.contains(part), part + " missing in: " + answer.text);
        }
        assertEquals(1, answer.text.split("1\\.8\\.0_392", -1).length - 1, "a JDK found in two ways is told once: " + answer.text);
    }

    @ParameterizedTest @ValueSource(strings = {"25", "25.0.1", "25.0.2", "25.0.2+10-LTS", "25-ea"})
    void updatesThatCorruptMemoryAreRefusedWithTheReason(String version) throws Exception {
        jdk("early", version);
        Answer answer = launch("train");
        assertEquals(1, answer.code);
        assertTrue(answer.text.contains(version + " in ") && answer.text.contains("corrupt"), answer.text);
    }

    @Test void aRuntimeWithoutCompilerIsNotTaken() throws Exception {
        Files.delete(jdk("jre", "25.0.3").resolve("bin/javac"));
        assertTrue(launch("train").text.contains("has no javac"));
    }

    @Test void theNewestFitJdkStartsTheProgramWithTheWordsGiven() throws Exception {
        jdk("a", "25.0.3");
        jdk("b", "25.0.10");
        jdk("c", "25.0.4");
        jdk("d", "26");
        Answer answer = launch("train", "sample.prompts=a b", "$HOME");
        assertEquals(0, answer.code, answer.text);
        assertTrue(answer.text.contains("java of b"), answer.text);
        assertTrue(answer.text.contains("<dev.xiaolu.cli/dev.xiaolu.cli.Main><train><sample.prompts=a b><$HOME>"), answer.text);
        assertTrue(answer.text.contains("<" + root.toRealPath().resolve("cli/target/lib") + ">"), answer.text);
    }

    @Test void aFitJavaHomeIsTakenBeforeNewerOnes() throws Exception {
        environment.put("JAVA_HOME", jdk("mine", "25.0.3").toString());
        jdk("newer", "25.0.9");
        assertTrue(launch("train").text.contains("java of mine"));
    }

    @Test void anUnfitJavaHomeIsPassedOver() throws Exception {
        environment.put("JAVA_HOME", jdk("mine", "17.0.2").toString());
        jdk("newer", "25.0.9");
        assertTrue(launch("train").text.contains("java of newer"));
    }

    @Test void aJdkInTheFoldersOfAMacIsFound() throws Exception {
        jdk("temurin-25.jdk/Contents/Home", "25.0.3");
        assertTrue(launch("train").text.contains("java of Home"));
    }

    @Test void aVersionIsAskedOfTheProgramWhereNoReleaseFileTellsIt() throws Exception {
        Path home = jdk("bare", "25.0.3");
        Files.delete(home.resolve("release"));
        assertTrue(launch("train").text.contains("java of bare"));
    }

    @Test void theProgramTakesThePlaceOfTheShellSoThatSignalsReachIt() throws Exception {
        jdk("a", "25.0.3");
        Answer answer = launch("train");
        assertTrue(answer.text.contains("pid " + answer.pid + "\n"), answer.text);
    }

    @Test void theVmsLineOnItsIncubatorModuleIsDroppedAndNothingElse() throws Exception {
        sayingOnErrors(jdk("a", "25.0.3"));
        Answer answer = launch("train");
        assertEquals(7, answer.code);
        assertTrue(answer.text.contains("Picked up options\n") && answer.text.contains("not ended") && answer.text.contains("from the program\n"), answer.text);
        assertFalse(answer.text.contains("incubator"), answer.text);
        try (var left = Files.list(temp.resolve("pipes"))) {
            assertEquals(List.of(), left.toList(), "pipes are left behind");
        }
    }

    @Test void whereNoPipeCanBeMadeTheVmsLineIsSeenAndNothingElseChanges() throws Exception {
        sayingOnErrors(jdk("a", "25.0.3"));
        environment.put("TMPDIR", temp.resolve("absent").toString());
        Answer answer = launch("train");
        assertEquals(7, answer.code);
        assertTrue(answer.text.contains("incubator") && answer.text.contains("Picked up options") && answer.text.contains("from the program"), answer.text);
    }

    /// Makes a JDK's `java` say what a VM says on its errors, then what the program says on descriptor 9 where it has one, and exit with 7.
    private void sayingOnErrors(Path home) throws Exception {
        environment.put("TMPDIR", Files.createDirectories(temp.resolve("pipes")).toString());
        write(home.resolve("bin/java"), """
                #!/bin/sh
                echo 'Picked up options' >&2
                echo 'WARNING: Using incubator modules: jdk.incubator.vector' >&2
                printf 'not ended' >&2
                case "$*" in *-Dxiaolu.errors=9*) exec 2>&9 ;; esac
                echo 'from the program' >&2
                exit 7
                """);
    }

    @Test void theLauncherWorksThroughALinkAndFromAnyFolder() throws Exception {
        jdk("a", "25.0.3");
        Path link = Files.createSymbolicLink(bin.resolve("xl"), Path.of("..", "a tree", "xiaolu"));
        Path elsewhere = Files.createDirectories(temp.resolve("elsewhere"));
        Answer answer = launchFrom(elsewhere, link, "doctor");
        assertTrue(answer.text.contains("cwd " + elsewhere.toRealPath()) && answer.text.contains("-Dxiaolu.home=" + root.toRealPath()), answer.text);
    }

    @Test void moreOptionsForTheJvmArePassedOn() throws Exception {
        jdk("a", "25.0.3");
        environment.put("XIAOLU_JAVA_OPTS", "-Xmx1g -Xint");
        assertTrue(launch("ops").text.contains("<-Xmx1g><-Xint>"));
    }

    @ParameterizedTest @ValueSource(strings = {"JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "XIAOLU_JAVA_OPTS"})
    void compactObjectHeadersAreRefused(String variable) throws Exception {
        jdk("a", "25.0.3");
        environment.put(variable, "-Xmx1g -XX:+UseCompactObjectHeaders");
        Answer answer = launch("train");
        assertEquals(1, answer.code);
        assertTrue(answer.text.contains("compact object headers"), answer.text);
    }

    @Test void withoutMavenAStaleBuildIsAnsweredWithWhatToInstall() throws Exception {
        jdk("a", "25.0.3");
        write(root.resolve("core/src/main/java/A.java"), "class A { int newer; }");
        Answer answer = launch("train");
        assertEquals(1, answer.code);
        assertTrue(answer.text.contains("wanted Maven 3.8 or later") && answer.text.contains("remedy: install it"), answer.text);
    }

    @Test void anOldMavenIsRefusedWithItsVersion() throws Exception {
        jdk("a", "25.0.3");
        maven("3.6.3", "");
        Files.delete(root.resolve("cli/target/lib/build-stamp"));
        Answer answer = launch("train");
        assertEquals(1, answer.code);
        assertTrue(answer.text.contains("found 3.6.3 in " + bin.resolve("mvn")), answer.text);
    }

    @Test void aNewerSourceIsBuiltOnceAndSaidInOneLine() throws Exception {
        jdk("a", "25.0.3");
        maven("3.9.11", "");
        write(root.resolve("core/src/main/java/A.java"), "class A { int newer; }");
        Answer first = launch("train");
        assertEquals(0, first.code, first.text);
        assertTrue(first.text.contains("xiaolu: building") && first.text.contains("mvn with a: -q -B"), first.text);
        assertFalse(launch("train").text.contains("building"));
    }

    @Test void aBuildThatSaysNothingShowsNothing() throws Exception {
        jdk("a", "25.0.3");
        maven("3.9.11", "printf '\\033[0m\\033[0m'");
        write(root.resolve("core/src/main/java/A.java"), "class A { int newer; }");
        assertFalse(launch("train").text.contains("\033"));
    }

    @Test void aDeletedSourceIsASourceChange() throws Exception {
        jdk("a", "25.0.3");
        maven("3.8.7", "");
        Files.delete(root.resolve("core/src/main/java/A.java"));
        assertTrue(launch("train").text.contains("building"));
    }

    @Test void aNewerTestDoesNotBuild() throws Exception {
        jdk("a", "25.0.3");
        write(root.resolve("cli/src/test/java/ATest.java"), "class ATest { int newer; }");
        assertFalse(launch("train").text.contains("building"));
    }

    @Test void aFailedBuildStopsHere() throws Exception {
        jdk("a", "25.0.3");
        maven("3.8.7", "echo 'no such symbol'; exit 1");
        Files.delete(root.resolve("cli/target/lib/build-stamp"));
        Answer answer = launch("train");
        assertEquals(1, answer.code);
        assertTrue(answer.text.contains("no such symbol") && answer.text.contains("the build failed") && !answer.text.contains("java of"), answer.text);
    }

    private Path jdk(String name, String version) throws Exception {
        Path home = Files.createDirectories(jdks.resolve(name));
        write(home.resolve("release"), "IMPLEMENTOR=\"Nobody\"\nJAVA_VERSION=\"" + version + "\"\nOS_NAME=\"Linux\"\n");
        write(home.resolve("bin/java"), """
                #!/bin/sh
                if [ "$1" = -version ]; then echo 'openjdk version "%s" 2026-01-01' >&2; exit; fi
                echo "java of %s"
                echo "pid $$"
                echo "cwd $(pwd -P)"
                for word in "$@"; do printf '<%%s>' "$word"; done
                echo
                """.formatted(version, home.getFileName()));
        write(home.resolve("bin/javac"), "#!/bin/sh\n");
        executable(home.resolve("bin/java"));
        executable(home.resolve("bin/javac"));
        return home;
    }

    private void maven(String version, String build) throws Exception {
        write(bin.resolve("mvn"), """
                #!/bin/sh
                if [ "$1" = --version ]; then echo 'Apache Maven %s'; exit; fi
                echo "mvn with ${JAVA_HOME##*/}: $*"
                mkdir -p cli/target/lib
                echo built > cli/target/lib/build-stamp
                %s
                """.formatted(version, build));
        executable(bin.resolve("mvn"));
    }

    private Answer launch(String... words) throws Exception {
        return launchFrom(root, root.resolve("xiaolu"), words);
    }

    private Answer launchFrom(Path folder, Path launcher, String... words) throws Exception {
        List<String> command = new ArrayList<>(List.of(launcher.toString()));
        command.addAll(List.of(words));
        Path out = Files.createTempFile(temp, "out", ".txt");
        var builder = new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).redirectOutput(out.toFile());
        builder.environment().clear();
        builder.environment().putAll(environment);
        Process process = builder.start();
        assertTrue(process.waitFor(60, TimeUnit.SECONDS), "the launcher hangs");
        return new Answer(process.exitValue(), settled(out), process.pid());
    }

    /// The file once nothing more comes: what the VM says before the program may take a moment longer than the process.
    private static String settled(Path out) throws Exception {
        for (long size = -1; size != Files.size(out);) {
            size = Files.size(out);
            Thread.sleep(200);
        }
        return Files.readString(out, StandardCharsets.UTF_8);
    }

    private static Path find(String tool) {
        return List.of("/bin/", "/usr/bin/", "/opt/homebrew/bin/", "/usr/local/bin/").stream().map(folder -> Path.of(folder + tool)).filter(Files::isExecutable).findFirst().orElseThrow();
    }

    private static void write(Path file, String text) throws Exception {
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    private static void executable(Path file) {
        assertTrue(file.toFile().setExecutable(true));
    }

    private static void age(Path tree, Instant to) throws Exception {
        try (var files = Files.walk(tree)) {
            for (Path file : files.toList()) {
                Files.setLastModifiedTime(file, FileTime.from(to));
            }
        }
    }
}
