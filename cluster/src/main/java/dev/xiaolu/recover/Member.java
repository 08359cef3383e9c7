package dev.xiaolu.recover;

/// One process of the run. Its id is fresh for each start: a process that comes back is another member.
///
/// @param id who it is, to the transport as well
/// @param host the host it runs on
/// @param port the port it listens at
/// @param pid its process id on that host
public record Member(long id, String host, int port, long pid) {}
