package dev.xiaolu.data;

import static dev.xiaolu.platform.Check.checkInput;

import dev.hardwood.InputFile;
import dev.hardwood.metadata.PhysicalType;
import dev.hardwood.reader.ParquetFileReader;
import dev.xiaolu.platform.InputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Consumer;
import java.util.function.IntPredicate;
import java.util.logging.Level;
import java.util.logging.Logger;

/// A column of texts in a Parquet file, each row a document; null and empty texts are passed over. Snappy, zstd, gzip or no compression.
record ParquetSource(Path file, String name, String column) implements Source {
    /// The Parquet reader tells of itself on the console otherwise; held here because loggers that nobody holds forget their level.
    private static final Logger QUIET = Logger.getLogger("dev.hardwood");

    static {
        QUIET.setLevel(Level.WARNING);
    }

    @Override public void list(Listing listing) throws IOException {
        texts((row, text) -> listing.add(name + ":" + row, text.length));
    }

    @Override public void read(IntPredicate wanted, Consumer<Document> sink) throws IOException {
        int[] place = new int[1];
        texts((row, text) -> {
            if (wanted.test(place[0]++)) {
                sink.accept(new Document(file + " row " + row, text));
            }
        });
    }

    @FunctionalInterface
    private interface Texts {
        void take(long row, byte[] text);
    }

    /// The Parquet reader's failures have many types; all of them mean that the file is not what it should be.
    private void texts(Texts texts) {
        long row = 0;
        var ours = new RuntimeException[1];
        try (var reader = ParquetFileReader.open(InputFile.of(file))) {
            var columns = reader.getFileSchema().getColumns();
            var found = columns.stream().filter(c -> c.fieldPath().toString().equals(column) || c.name().equals(column)).findFirst().orElseThrow(() ->
                InputException.of("%s: no column '%s' among %s; name the column with the text by data.text_field", file, column, columns.stream().map(c -> c.name()).toList()));
            checkInput(found.type() == PhysicalType.BYTE_ARRAY && found.maxRepetitionLevel() == 0, "%s: column '%s' is no text, but %s", file, column, found);
            try (var values = reader.columnReader(found.columnIndex())) {
                while (values.nextBatch()) {
                    byte[] bytes = values.getBinaryValues();
                    int[] offsets = values.getBinaryOffsets();
                    var validity = values.getLeafValidity();
                    for (int i = 0; i < values.getRecordCount(); i++, row++) {
                        if (validity.isNotNull(i) && offsets[i + 1] > offsets[i]) {
                            take(texts, row, Arrays.copyOfRange(bytes, offsets[i], offsets[i + 1]), ours);
                        }
                    }
                }
            }
        } catch (InputException told) {
            throw told;
        } catch (IOException | RuntimeException broken) {
            throw broken == ours[0] ? ours[0] : Source.broken(file, "after row " + row, broken);
        }
    }

    /// Notes a failure of the taker, which says nothing about the file.
    private static void take(Texts texts, long row, byte[] text, RuntimeException[] ours) {
        try {
            texts.take(row, text);
        } catch (RuntimeException failure) {
            ours[0] = failure;
            throw failure;
        }
    }
}
