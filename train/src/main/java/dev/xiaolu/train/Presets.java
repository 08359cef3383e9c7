package dev.xiaolu.train;

import dev.xiaolu.platform.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/// The configs that come with the program: each lists only what differs from the defaults.
public final class Presets {
    /// The preset of a run that names none.
    public static final String STANDARD = "deepseek4-small";

    private static final List<String> NAMES = List.of(STANDARD, "deepseek4-medium", "deepseek4-tiny", "llama-small", "llama-17m", "tiny");

    private Presets() {}

    /// Names of all presets, the standard one first.
    public static List<String> names() {
        return NAMES;
    }

    /// One line that says what the preset is for: the first comment of its file.
    public static String about(String name) {
        return text(name).lines().findFirst().orElse("").replaceFirst("^#\\s*", "");
    }

    /// The preset's YAML.
    public static String text(String name) {
        if (!NAMES.contains(name)) {
            throw InputException.of("preset '%s' is not known; wanted one of %s%s", name, String.join(", ", NAMES),
                    Settings.nearest(name, NAMES).map(near -> " (nearest: " + near + ")").orElse(""));
        }
        try (InputStream in = Presets.class.getResourceAsStream("presets/" + name + ".yaml")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException broken) {
            throw new UncheckedIOException("preset " + name + " cannot be read from the program's own files", broken);
        }
    }
}
