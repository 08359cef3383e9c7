package dev.xiaolu.data;

import static dev.xiaolu.platform.Check.checkInput;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.function.IntPredicate;

/// A plain file as one document.
record TextSource(Path file, String name) implements Source {
    @Override public void list(Listing listing) throws IOException {
        listing.add(name, Files.size(file));
    }

    @Override public void read(IntPredicate wanted, Consumer<Document> sink) throws IOException {
        if (wanted.test(0)) {
            checkInput(Files.size(file) <= MAX_DOCUMENT_BYTES, "%s: a document of %d bytes, wanted at most %d; split it", file, Files.size(file), MAX_DOCUMENT_BYTES);
            sink.accept(new Document(file.toString(), Files.readAllBytes(file)));
        }
    }
}
