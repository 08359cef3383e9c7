package dev.xiaolu.data;

import dev.xiaolu.platform.InputException;
import java.nio.file.FileSystems;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.PatternSyntaxException;

/// Which names are taken from folders and archives: those that match one of the patterns, in the shell's spelling, with `/` between parts.
///
/// `**` crosses folders, so `**.java` takes every Java file; a pattern that begins with `**/` also takes names without a folder.
final class Globs {
    private final List<PathMatcher> matchers = new ArrayList<>();

    /// No patterns take everything.
    Globs(List<String> patterns) {
        for (String pattern : patterns) {
            add(pattern, pattern);
            if (pattern.startsWith("**/")) {
                add(pattern, pattern.substring(3));
            }
        }
    }

    private void add(String pattern, String part) {
        try {
            matchers.add(FileSystems.getDefault().getPathMatcher("glob:" + part));
        } catch (PatternSyntaxException wrong) {
            throw new InputException("data.include: '%s' is no file pattern: %s".formatted(pattern, wrong.getDescription()), wrong);
        }
    }

    /// Whether everything is taken.
    boolean isEmpty() {
        return matchers.isEmpty();
    }

    boolean take(String name) {
        Path path;
        try {
            path = Path.of(name);
        } catch (InvalidPathException unspeakable) {
            return false;
        }
        return matchers.isEmpty() || matchers.stream().anyMatch(matcher -> matcher.matches(path));
    }
}
