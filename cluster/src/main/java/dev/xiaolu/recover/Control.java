package dev.xiaolu.recover;

import dev.xiaolu.recover.State.Gathering;
import dev.xiaolu.recover.State.Waiting;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeSet;

/// Steers a run: a state and an event give the next state and actions. Pure, total (no event is an error), and so replayable from a log of events.
///
/// `docs/protocol.md`, "Control plane", has the protocol. Messages that are late, come twice or are from outside are counted and ignored;
/// what a correct rank cannot say gets that rank fenced.
///
/// @param settings what the run was told
public record Control(Settings settings) {
    /// The state before the first event.
    public State start() {
        return new Gathering(Run.begin(settings));
    }

    /// One transition.
    public Next next(State state, Event event) {
        if (state.isOver()) {
            return Next.ignore(state);
        }
        return switch (event) {
            case Event.Joined joined -> joined(state, joined);
            case Event.Lost(long id, String why) -> state.run().known(id) == null ? Next.ignore(state) : members().lost(state, Map.of(id, why));
            case Event.Stop(String why) -> stop(state, why);
            case Event.Damaged damaged -> members().damaged(state, damaged);
            case Event.Doubted(long step, String why) -> state.run().work() != null && state.run().work().step() == step ? members().repeat(state.run(), why) : Next.ignore(state);
            case Event.Speeds(SortedMap<Long, Integer> weights) -> Next.of(state.with(state.run().withSpeeds(weights)));
            case Event.Noted _ -> Next.of(state);
            case Event.Hopeless(String why) -> members().failed(state.run(), why);
            case Event.StartDeadline _ -> state instanceof Gathering(Run run) ? startDeadline(run) : Next.ignore(state);
            case Event.WaitDeadline(long generation) -> state instanceof Waiting(Run run, long since) && since == generation
                    ? members().failed(run, "only %d ranks are left of the %d that are wanted, and no more have joined in time; start more, or resume from checkpoint %s".formatted(
                            run.everybody().size(), settings.fewest(), run.durable() == Run.NONE ? "(there is none)" : run.durable()))
                    : Next.ignore(state);
            case Event.FromRank message when state.run().fenced().contains(message.id()) -> Next.ignore(state).after(new Action.Fenced(message.id()));
            case Event.FromRank message when !state.run().isMember(message.id()) -> Next.ignore(state);
            case Event.FromRank message -> new Steps(settings).heard(state, message);
        };
    }

    private Membership members() {
        return new Membership(settings);
    }

    private Next joined(State state, Event.Joined joined) {
        Run run = state.run();
        Member member = joined.member();
        if (run.fenced().contains(member.id())) {
            return Next.ignore(state).after(new Action.Fenced(member.id()));
        }
        Member known = run.known(member.id());
        if (known != null) {
            boolean isSame = known.pid() == member.pid();                // where it is reached may have been told in another way
            return isSame ? Next.ignore(state) : members().lost(state, Map.of(member.id(), "id %d joined twice, as %s and as %s".formatted(member.id(), known, member)));
        }
        List<Action.Difference> differences = differences(joined.fingerprint());
        if (!differences.isEmpty()) {
            return Next.of(state, new Action.Refuse(member.id(), differences));
        }
        Run more = run.withCandidate(member);
        return switch (state) {
            case Gathering _ when more.candidates().size() == settings.wanted() -> members().layout(more.withGeneration(1));
            case Waiting _ when more.everybody().size() >= settings.fewest() -> members().layout(more.withGeneration(more.generation() + 1));
            default -> Next.of(state.with(more));
        };
    }

    private List<Action.Difference> differences(SortedMap<String, String> found) {
        var fields = new TreeSet<>(settings.fingerprint().keySet());
        fields.addAll(found.keySet());
        var differences = new ArrayList<Action.Difference>();
        for (String field : fields) {
            if (!Objects.equals(settings.fingerprint().get(field), found.get(field))) {
                differences.add(new Action.Difference(field, settings.fingerprint().getOrDefault(field, "missing"), found.getOrDefault(field, "missing")));
            }
        }
        return differences;
    }

    private Next startDeadline(Run run) {
        return run.candidates().size() >= settings.fewest() ? members().layout(run.withGeneration(1))
                : members().failed(run, "only %d ranks have joined in time, wanted at least %d; start more ranks or ask for fewer".formatted(run.candidates().size(), settings.fewest()));
    }

    /// The step under way is finished first; where none can be, the end comes from what is committed.
    private Next stop(State state, String why) {
        Run run = state.run().stopping(why);
        return switch (state) {
            case Gathering _ -> members().ended(run);
            case Waiting _ -> members().layout(run.withWork(null).withGeneration(run.generation() + 1));
            default -> Next.of(state.with(run));
        };
    }
}
