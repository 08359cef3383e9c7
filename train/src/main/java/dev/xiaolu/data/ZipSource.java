package dev.xiaolu.data;

import static dev.xiaolu.platform.Check.checkInput;

import java.io.EOFException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.IntPredicate;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/// The files in a zip archive that match, each a document, sorted by name. Sizes come from the archive's directory, so a listing inflates nothing.
///
/// @param prefix what stands before an entry's name when it is matched and keyed: empty, or the archive's own name and a `/`
record ZipSource(Path file, String name, String prefix, Globs include) implements Source {
    @Override public void list(Listing listing) throws IOException {
        try (ZipFile zip = open()) {
            entries(zip).forEach(entry -> listing.add(prefix + entry.getName(), entry.getSize()));
        }
    }

    @Override public void read(IntPredicate wanted, Consumer<Document> sink) throws IOException {
        try (ZipFile zip = open()) {
            List<? extends ZipEntry> entries = entries(zip);
            for (int i = 0; i < entries.size(); i++) {
                if (wanted.test(i)) {
                    sink.accept(new Document(file + ": " + entries.get(i).getName(), bytes(zip, entries.get(i))));
                }
            }
        }
    }

    private ZipFile open() {
        try {
            return new ZipFile(file.toFile());
        } catch (IOException broken) {
            throw Source.broken(file, "not a whole zip archive", broken);
        }
    }

    private List<? extends ZipEntry> entries(ZipFile zip) {
        return zip.stream().filter(entry -> !entry.isDirectory() && !Corpus.isBinary(entry.getName()) && include.take(prefix + entry.getName()))
            .sorted(Comparator.comparing(ZipEntry::getName)).toList();
    }

    private byte[] bytes(ZipFile zip, ZipEntry entry) throws IOException {
        long size = entry.getSize();
        checkInput(size >= 0 && size <= MAX_DOCUMENT_BYTES, "%s: entry %s has %d bytes, wanted at most %d", file, entry.getName(), size, MAX_DOCUMENT_BYTES);
        try (var in = zip.getInputStream(entry)) {
            byte[] bytes = in.readNBytes((int) size);                              // never more than the directory says
            checkInput(bytes.length == size && in.read() < 0, "%s: entry %s has another size than the archive's directory says (%d); the file is damaged", file, entry.getName(), size);
            return bytes;
        } catch (ZipException | EOFException broken) {
            throw Source.broken(file, "entry " + entry.getName(), broken);
        }
    }
}
