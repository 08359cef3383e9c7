package dev.xiaolu.data;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.store.FileSeal;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Map;

/// Writes one part of a prepared corpus: `tokens-00000.bin` and so on, the ids of all documents one behind another, each document ended by its end of text;
/// and `documents.bin`, two 64-bit numbers for each document, where it starts in the tokens and how many bytes of text come before it. All little-endian.
final class TokenWriter implements AutoCloseable {
    static final String DOCUMENTS = "documents.bin";
    static final int DOCUMENT_BYTES = 16;
    private static final int BUFFER = 1 << 20;

    private final Disk disk;
    private final Path folder;
    private final String part;
    private final int tokenBytes;
    private final long shardTokens;
    private final int endOfText;
    private final Map<String, FileSeal> seals;
    private final ByteBuffer tokenBuffer = ByteBuffer.allocateDirect(BUFFER).order(ByteOrder.LITTLE_ENDIAN);
    private final ByteBuffer documentBuffer = ByteBuffer.allocateDirect(BUFFER).order(ByteOrder.LITTLE_ENDIAN);
    private final Disk.Output documentFile;
    private Disk.Output shard;
    private int shards;
    private long documents;
    private long tokens;
    private long bytes;

    /// Into the folder `part` below `folder`; the seal of every file goes into `seals`.
    TokenWriter(Disk disk, Path folder, String part, int tokenBytes, long shardTokens, int endOfText, Map<String, FileSeal> seals) {
        this.disk = disk;
        this.folder = folder;
        this.part = part;
        this.tokenBytes = tokenBytes;
        this.shardTokens = shardTokens;
        this.endOfText = endOfText;
        this.seals = seals;
        disk.createDirectories(folder.resolve(part));
        documentFile = create(DOCUMENTS);
    }

    static String shardName(int shard) {
        return "tokens-%05d.bin".formatted(shard);
    }

    private Disk.Output create(String name) {
        String path = part + "/" + name;
        return FileSeal.whileWriting(disk.create(folder.resolve(path)), seal -> seals.put(path, seal));
    }

    void add(int[] ids, int textBytes) {
        if (documentBuffer.remaining() < DOCUMENT_BYTES) {
            drain(documentBuffer, documentFile);
        }
        documentBuffer.putLong(tokens).putLong(bytes);
        for (int id : ids) {
            add(id);
        }
        add(endOfText);
        documents++;
        bytes += textBytes;
    }

    private void add(int id) {
        if (shard == null) {
            shard = create(shardName(shards++));
        }
        if (tokenBytes == 2) {
            tokenBuffer.putShort((short) id);
        } else {
            tokenBuffer.putInt(id);
        }
        tokens++;
        if (!tokenBuffer.hasRemaining()) {
            drain(tokenBuffer, shard);
        }
        if (tokens % shardTokens == 0) {
            endShard();
        }
    }

    private static void drain(ByteBuffer buffer, Disk.Output out) {
        out.write(buffer.flip());
        buffer.clear();
    }

    private void endShard() {
        if (shard != null) {
            drain(tokenBuffer, shard);
            shard.force();
            shard.close();
            shard = null;
        }
    }

    /// Ends and forces all files.
    CorpusManifest.Part finish() {
        endShard();
        drain(documentBuffer, documentFile);
        documentFile.force();
        disk.forceDirectory(folder.resolve(part));
        return new CorpusManifest.Part(documents, tokens, bytes);
    }

    @Override public void close() {
        if (shard != null) {
            shard.close();
        }
        documentFile.close();
    }
}
