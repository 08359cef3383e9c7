package dev.xiaolu.data;

import dev.xiaolu.platform.InputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.function.IntPredicate;

/// One file that holds documents, in an order that never changes. Stateless; each call opens the file anew.
sealed interface Source permits TextSource, ZipSource, JsonLinesSource, ParquetSource {
    /// The most bytes that one document may have.
    long MAX_DOCUMENT_BYTES = 1L << 30;

    /// The file.
    Path file();

    /// The file's name, the same wherever the corpus lies.
    String name();

    /// Tells key and size in bytes of every document, in order.
    void list(Listing listing) throws IOException;

    /// Hands over the documents whose place in the order is `wanted`, in order.
    void read(IntPredicate wanted, Consumer<Document> sink) throws IOException;

    /// Takes the listing.
    @FunctionalInterface
    interface Listing {
        void add(String key, long bytes);
    }

    /// The error for a file that cannot be read to its end.
    static InputException broken(Object file, String what, Exception cause) {
        String words = cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
        return new InputException("%s: %s: %s; the file is damaged or cut short".formatted(file, what, words), cause);
    }
}
