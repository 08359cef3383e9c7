package dev.xiaolu.store;

/// Names that come out of files and must stay inside a folder.
final class PlainName {
    private PlainName() {}

    /// Whether `name` names a file directly inside whatever folder it is resolved against, on any system: no separators, no drive, nothing hidden.
    static boolean is(String name) {
        return !name.isBlank() && name.length() <= 255 && !name.startsWith(".")
            && name.chars().noneMatch(c -> c < ' ' || c == 0x7F || "/\\:*?\"<>|".indexOf(c) >= 0);
    }
}
