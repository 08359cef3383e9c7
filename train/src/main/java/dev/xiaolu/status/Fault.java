package dev.xiaolu.status;

import java.util.List;
import java.util.OptionalDouble;

/// The loss of a rank.
///
/// @param index            which worker it was, -1 where that is not known
/// @param pid              its process id
/// @param why              what gave it away
/// @param kind             the same as one word, for counting
/// @param step             the newest committed step then
/// @param wallMillis       when it was noticed, milliseconds since 1970
/// @param recoveredSeconds from then until the others computed on; null while they do not
public record Fault(int index, long pid, String why, String kind, long step, long wallMillis, OptionalDouble recoveredSeconds) {
    /// Every [#kind].
    static final List<String> KINDS = List.of("killed", "exited", "silent", "stuck", "quarantined", "other");

    /// A loss whose kind is told by its words.
    public static Fault of(int index, long pid, String why, long step, long wallMillis, OptionalDouble recoveredSeconds) {
        return new Fault(index, pid, why, kind(why), step, wallMillis, recoveredSeconds);
    }

    /// `killed`, `exited`, `silent`, `stuck`, `quarantined`, or `other`.
    static String kind(String why) {
        return why.contains("signal") ? "killed" : why.contains("exit code") ? "exited" : why.startsWith("silent") ? "silent" : why.startsWith("no progress") ? "stuck"
                : why.startsWith("quarantined") ? "quarantined" : "other";
    }
}
