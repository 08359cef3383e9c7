package dev.xiaolu.status;

import java.util.Optional;

/// One process's part in a run.
///
/// @param index      which worker it was
/// @param pid        its process id
/// @param fromMillis when it joined, milliseconds since 1970
/// @param toMillis   when it was lost; null while it is there
public record Life(int index, long pid, long fromMillis, Optional<Long> toMillis) {}
