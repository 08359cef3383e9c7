package dev.xiaolu.rank;

/// The loss of a rank, as the coordinator saw it. Times are of the process's own clock, in nanoseconds.
///
/// @param id         who was lost
/// @param pid        its process id
/// @param why        why it was given up
/// @param step       the newest committed step then
/// @param lostNanos  when it was given up
/// @param goesNanos  when the others computed on, or the next step was committed; 0 while they do not
public record Incident(long id, long pid, String why, long step, long lostNanos, long goesNanos) {
    Incident goingAt(long nanos) {
        return new Incident(id, pid, why, step, lostNanos, nanos);
    }
}
