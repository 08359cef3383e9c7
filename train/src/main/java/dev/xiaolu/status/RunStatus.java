package dev.xiaolu.status;

import dev.xiaolu.platform.InputException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/// How a run stands. In JSON the names are those below in snake case; what is not known is null.
///
/// @param state           where the run stands, one of the words below
/// @param why             what has gone wrong, where something has
/// @param step            the newest step whose weights hold
/// @param steps           the last step of the schedule
/// @param generation      grows with every change of membership; 0 in a run in one process
/// @param goodput         part of the time that went into steps that count, 0 to 1
/// @param checkpoint      the step of the newest checkpoint
/// @param leavesPerSecond leaves of committed steps, over the last seconds
/// @param page            address of the page that shows the run
/// @param process         who writes this; null where that process has ended as it should and left no word of itself
/// @param coordinators    processes that have a replica of the coordinator, as far as the writer has heard, which is one of them; none where there is one coordinator alone
/// @param startedMillis   when this stretch of the run began, milliseconds since 1970
/// @param wallMillis      when this was true
/// @param faultCount      losses of ranks since this stretch began
/// @param ranks           who takes part, by index
/// @param faults          losses, the newest last
/// @param lives           who was there when
public record RunStatus(String state, Optional<String> why, long step, long steps, long generation, OptionalDouble goodput, Optional<Long> checkpoint, OptionalDouble leavesPerSecond,
        Optional<String> page, Optional<WriterProcess> process, List<WriterProcess> coordinators, long startedMillis, long wallMillis, long faultCount, List<RankStatus> ranks, List<Fault> faults, List<Life> lives) {
    /// Text is made ready, or ranks come together.
    public static final String STARTING = "starting";
    /// Steps are made.
    public static final String TRAINING = "training";
    /// Ranks take over or make their state, before the first step or after a change of membership.
    public static final String SETTLING = "settling";
    /// Too few ranks are left; the run waits for more.
    public static final String WAITING = "waiting";
    /// The last checkpoint is written.
    public static final String ENDING = "ending";
    /// The last step is done.
    public static final String OVER = "over";
    /// Ended before the last step, as it was asked to; can be resumed.
    public static final String STOPPED = "stopped";
    /// Could not go on.
    public static final String FAILED = "failed";
    /// Its process has ended without a word, or has not written for long.
    public static final String GONE = "gone";

    private static final int MOST_FAULTS = 100;
    private static final JsonMapper MAPPER = JsonMapper.builder().propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE).disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build();

    public RunStatus {
        coordinators = coordinators == null ? List.of() : List.copyOf(coordinators);
        ranks = List.copyOf(ranks);
        faults = List.copyOf(faults);
        lives = List.copyOf(lives);
    }

    /// Whether nothing will follow from the process that wrote this.
    public boolean hasEnded() {
        return List.of(OVER, STOPPED, FAILED, GONE).contains(state);
    }

    /// The same run in another state; its ranks are in that state too.
    public RunStatus in(String newState, Optional<String> newWhy) {
        return new RunStatus(newState, newWhy, step, steps, generation, goodput, checkpoint, leavesPerSecond, page, process, coordinators, startedMillis, wallMillis, faultCount,
                ranks.stream().map(rank -> rank.in(newState)).toList(), faults, lives);
    }

    /// The same at its end, with those who took part last.
    public RunStatus ended(String newState, List<RankStatus> who) {
        return new RunStatus(newState, why, step, steps, generation, goodput, checkpoint, leavesPerSecond, Optional.empty(), process, coordinators, startedMillis, wallMillis, faultCount,
                who.stream().map(rank -> rank.at(step)).toList(), faults, lives).in(newState, why);
    }

    /// The same with the newest hundred losses alone; the others stay in the count.
    public RunStatus brief() {
        return faults.size() <= MOST_FAULTS ? this : new RunStatus(state, why, step, steps, generation, goodput, checkpoint, leavesPerSecond, page, process, coordinators, startedMillis, wallMillis, faultCount, ranks,
                faults.subList(faults.size() - MOST_FAULTS, faults.size()), lives);
    }

    /// The same without a page, which has ended with its process.
    RunStatus withoutPage() {
        return new RunStatus(state, why, step, steps, generation, goodput, checkpoint, leavesPerSecond, Optional.empty(), process, coordinators, startedMillis, wallMillis, faultCount, ranks, faults, lives);
    }

    /// One line of JSON.
    public String json() {
        return MAPPER.writeValueAsString(this);
    }

    /// The same indented, for people and scripts, with a line end.
    public String indented() {
        return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(this) + "\n";
    }

    /// Reads what [#json] wrote; `subject` opens the message where it did not.
    static RunStatus of(String subject, String json) {
        try {
            return MAPPER.readValue(json, RunStatus.class);
        } catch (JacksonException broken) {
            throw new InputException("%s: wanted the status of a run, found other JSON: %s".formatted(subject, broken.getOriginalMessage()), broken);
        }
    }
}
