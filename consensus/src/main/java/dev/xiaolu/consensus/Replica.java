package dev.xiaolu.consensus;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.comm.Endpoint;
import java.nio.charset.StandardCharsets;

/// One replica of the log. Its id is fresh for each start: a replica that comes back knows nothing of what it has promised before, so it must be another one.
///
/// @param id who it is, to the transport as well
/// @param host where its endpoint listens
/// @param port the port of its endpoint
public record Replica(long id, String host, int port) {
    static final int MOST_HOST_BYTES = 255;

    public Replica {
        check(id != Endpoint.NOBODY, "Replica: the id %d stands for nobody, wanted any other", id);
        check(host.getBytes(StandardCharsets.UTF_8).length <= MOST_HOST_BYTES, "Replica %d: the name of its host has more than %d bytes", id, MOST_HOST_BYTES);
        check(port >= 0 && port <= 0xffff, "Replica %d: port %d, wanted 0 to 65535", id, port);
    }
}
