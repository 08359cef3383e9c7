package dev.xiaolu.data;

import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.store.FileSeal;
import dev.xiaolu.store.Sha256;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.TreeMap;

/// A corpus as token shards on the disk, whole by its manifest and the sizes of its files. Thread-safe; the datasets that it opens belong to the caller.
public final class PreparedCorpus {
    static final String TRAIN = "train";
    static final String VALIDATION = "validation";

    private final Disk disk;
    private final Path folder;
    private final CorpusManifest manifest;

    private PreparedCorpus(Disk disk, Path folder, CorpusManifest manifest) {
        this.disk = disk;
        this.folder = folder;
        this.manifest = manifest;
    }

    /// Opens a folder that [CorpusBuilder] made; refuses one whose manifest or sizes are not right.
    public static PreparedCorpus open(Disk disk, Path folder) {
        Path file = folder.resolve(CorpusManifest.FILE);
        checkInput(disk.exists(file), "prepared corpus %s: %s is missing", folder, CorpusManifest.FILE);
        var manifest = CorpusManifest.parse(file.toString(), disk.read(file));
        manifest.files().forEach((name, seal) -> {
            checkInput(name.matches("(train|validation)/[a-z]+(-\\d{5,9})?\\.bin"), "prepared corpus %s: its manifest names a file '%s'", folder, name);
            checkInput(disk.exists(folder.resolve(name)), "prepared corpus %s: %s is missing", folder, name);
            long bytes = disk.size(folder.resolve(name));
            checkInput(bytes == seal.bytes(), "prepared corpus %s: %s has %d bytes, wanted %d", folder, name, bytes, seal.bytes());
        });
        return new PreparedCorpus(disk, folder, manifest);
    }

    /// Reads every file and compares it with its hash.
    public void verify() {
        manifest.files().forEach((name, seal) ->
            checkInput(FileSeal.of(disk, folder.resolve(name)).equals(seal), "prepared corpus %s: %s is damaged; delete the folder, it is made anew", folder, name));
    }

    /// What is learned from.
    public TokenDataset train() {
        return TokenDataset.open(disk, folder.resolve(TRAIN), manifest, manifest.train());
    }

    /// What is held out.
    public TokenDataset validation() {
        return TokenDataset.open(disk, folder.resolve(VALIDATION), manifest, manifest.validation());
    }

    public Path folder() {
        return folder;
    }

    /// The corpus in words.
    public String source() {
        return manifest.source();
    }

    /// The hash of everything that the corpus was made from; equal keys, equal tokens.
    public String key() {
        return manifest.key();
    }

    /// SHA-256 over the hashes of all files of tokens: the same for the same tokens, whenever and from whatever files they were made.
    public String contentDigest() {
        var text = new StringBuilder();
        new TreeMap<>(manifest.files()).forEach((name, seal) -> text.append(name).append(' ').append(seal.sha256()).append('\n'));
        return Sha256.hex(text.toString().getBytes(StandardCharsets.UTF_8));
    }

    /// Documents left out because an equal one came before.
    public long duplicates() {
        return manifest.duplicates();
    }

    /// Files left out because they are no text.
    public long notText() {
        return manifest.notText();
    }

    CorpusManifest manifest() {
        return manifest;
    }

    /// Bytes of all files.
    long fileBytes() {
        return manifest.files().values().stream().mapToLong(FileSeal::bytes).sum();
    }
}
