package dev.xiaolu.comm;

import static dev.xiaolu.platform.Check.check;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;

/// Reads the memory of other processes of a run: through the same pages on one host, over the network from others. Both ways give the same bytes.
///
/// Who owns the endpoint gives every message to [#received]. Reading is for one thread.
public final class Regions implements AutoCloseable {
    private static final int GET = 0x7E47, DATA = 0x7E44;
    private static final long PIECE_BYTES = 4L << 20;            // of one question, so that answers of several ranks take turns
    private static final int QUESTIONS = 4;                      // under way to one peer
    private static final long LOOK_MILLIS = 20;

    private final Endpoint endpoint;
    private final Region own;
    private final Path folder;                                   // null: no memory is shared, everything goes over the network
    private final Map<Long, Mapped> mapped = new HashMap<>();
    private final Map<Long, CompletableFuture<MemorySegment>> open = new ConcurrentHashMap<>();
    private final AtomicLong questions = new AtomicLong();
    private final ExecutorService answering = Executors.newVirtualThreadPerTaskExecutor();

    /// Memory of another process; null bytes where it is on another host.
    private record Mapped(Arena arena, MemorySegment bytes) {}

    /// Over `endpoint`; what peers read here is in `own`. `folder` is where regions of this host are, null for the network alone.
    public Regions(Endpoint endpoint, Region own, Path folder) {
        this.endpoint = endpoint;
        this.own = own;
        this.folder = folder;
    }

    /// Told that the caller does not want any more what it has asked for.
    public static final class Abandoned extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Abandoned(long peer) {
            super("reading from " + peer + " was abandoned", null, false, false);
        }
    }

    /// For a caller that stops before it asks.
    public Abandoned abandoned(long peer) {
        return new Abandoned(peer);
    }

    /// The memory of a peer on this host, from its beginning on, read-only; null where it is on another host.
    public MemorySegment shared(long peer) {
        if (folder == null) {
            return null;
        }
        return mapped.computeIfAbsent(peer, id -> {
            Arena arena = Arena.ofShared();
            return new Mapped(arena, Region.map(folder, id, arena));
        }).bytes;
    }

    /// Copies what `peer` has at `offset` into `into`. Throws [Abandoned] once `abandon` says so.
    public void read(long peer, long offset, MemorySegment into, BooleanSupplier abandon) {
        MemorySegment there = shared(peer);
        if (there != null) {
            Region.copy(there, offset, into, 0, into.byteSize());
            return;
        }
        record Piece(long at, long bytes, long question, CompletableFuture<MemorySegment> answer) {}
        var waiting = new ArrayDeque<Piece>();
        long asked = 0;
        try {
            while (asked < into.byteSize() || !waiting.isEmpty()) {
                if (asked < into.byteSize() && waiting.size() < QUESTIONS) {
                    long bytes = Math.min(PIECE_BYTES, into.byteSize() - asked), question = questions.incrementAndGet();
                    var answer = new CompletableFuture<MemorySegment>();
                    open.put(question, answer);
                    waiting.add(new Piece(asked, bytes, question, answer));
                    endpoint.send(peer, Message.of(GET, ByteBuffer.allocate(24).putLong(question).putLong(offset + asked).putLong(bytes).array()));
                    asked += bytes;
                    continue;
                }
                Piece first = waiting.peek();
                MemorySegment found = await(first.answer, peer, abandon);
                check(found.byteSize() == first.bytes, "process %d answered with %d bytes at %d, wanted %d", peer, found.byteSize(), offset + first.at, first.bytes);
                Region.copy(found, 0, into, first.at, first.bytes);
                waiting.remove();
            }
        } finally {
            waiting.forEach(piece -> open.remove(piece.question));
        }
    }

    private static MemorySegment await(CompletableFuture<MemorySegment> answer, long peer, BooleanSupplier abandon) {
        while (true) {
            try {
                return answer.get(LOOK_MILLIS, TimeUnit.MILLISECONDS);
            } catch (TimeoutException _) {
                if (abandon.getAsBoolean()) {
                    throw new Abandoned(peer);
                }
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
                throw new Abandoned(peer);
            } catch (ExecutionException impossible) {
                throw new IllegalStateException(impossible.getCause());
            }
        }
    }

    /// Takes a message that is meant for here; false for any other.
    public boolean received(long from, Message message) {
        ByteBuffer head = ByteBuffer.wrap(message.head());
        if (message.kind() == GET && head.remaining() == 24) {
            long question = head.getLong(), offset = head.getLong(), bytes = head.getLong();
            MemorySegment part = bytes <= PIECE_BYTES ? own.at(offset, bytes) : null;
            byte[] answer = ByteBuffer.allocate(8).putLong(question).array();
            answering.execute(() -> endpoint.send(from, part == null ? Message.of(DATA, answer) : new Message(DATA, answer, part)));
            return true;
        }
        if (message.kind() == DATA && head.remaining() == 8) {
            CompletableFuture<MemorySegment> answer = open.remove(head.getLong());
            if (answer != null) {
                answer.complete(message.body());
            }
            return true;
        }
        return message.kind() == GET || message.kind() == DATA;
    }

    /// Lets go of the memory of a peer that is gone; for the thread that reads.
    public void forget(long peer) {
        Mapped gone = mapped.remove(peer);
        if (gone != null) {
            gone.arena.close();
        }
    }

    @Override public void close() {
        answering.shutdownNow();
        mapped.values().forEach(each -> each.arena.close());
        mapped.clear();
    }
}
