package dev.xiaolu.recover;

import static dev.xiaolu.platform.Check.check;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;

/// Who is late, as a function of what was heard and of the time now. Times are of one clock, in milliseconds.
///
/// @param silenceMillis so long a rank may be silent
/// @param progressMillis so long a rank on which the run waits may do nothing that shows
public record Heartbeats(long silenceMillis, long progressMillis) {
    public Heartbeats {
        check(silenceMillis > 0 && progressMillis > 0, "Heartbeats: limits are %d ms and %d ms, wanted positive numbers", silenceMillis, progressMillis);
    }

    /// What was heard of a rank.
    ///
    /// @param beatMillis when it last said anything
    /// @param progressMillis when it last finished something, or was last asked for something, whichever is later
    public record Beat(long beatMillis, long progressMillis) {}

    /// A rank beyond a limit, and the words for [Event.Lost].
    public record Late(long id, String why) {}

    /// The ranks that are late, by id. Progress is wanted only of those on which the run waits, see [State#awaited]: who has done its part may be idle.
    public List<Late> late(SortedMap<Long, Beat> beats, Set<Long> awaited, long nowMillis) {
        var late = new ArrayList<Late>();
        beats.forEach((id, beat) -> {
            long silent = nowMillis - beat.beatMillis, idle = nowMillis - beat.progressMillis;
            if (silent > silenceMillis) {
                late.add(new Late(id, "silent for %d ms, the limit is %d ms".formatted(silent, silenceMillis)));
            } else if (idle > progressMillis && awaited.contains(id)) {
                late.add(new Late(id, "no progress for %d ms, the limit is %d ms".formatted(idle, progressMillis)));
            }
        });
        return late;
    }
}
