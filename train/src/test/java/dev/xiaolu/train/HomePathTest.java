package dev.xiaolu.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class HomePathTest {
    private static final Path HOME = Path.of(System.getenv().getOrDefault("HOME", System.getProperty("user.home")));

    @Test void aTildeAtTheBeginningIsTheHomeFolder() {
        assertEquals(HOME, HomePath.of("~"));
        assertEquals(HOME.resolve("texts/more.txt"), HomePath.of("~/texts/more.txt"));
    }

    @Test void aTildeAnywhereElseIsALetter() {
        assertEquals(Path.of("a/~/b"), HomePath.of("a/~/b"));
        assertEquals(Path.of("~name/b"), HomePath.of("~name/b"));
    }
}
