package dev.xiaolu.sim;

import static dev.xiaolu.platform.Check.checkInput;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

/// What can go wrong in a simulated run.
public enum FaultKind {
    /// Processes end: one, two neighbours in the ring, or more than half of all; each is started again as another.
    KILL,
    /// A process stands still for a while, then goes on as if nothing had been.
    STOP,
    /// A rank computes several times slower for a while, or next to not at all.
    SLOW,
    /// Messages of some ranks take long; some are lost, and the transport sends them again.
    DELAY,
    /// No message passes between the coordinator and some ranks, in one direction or in both, until the network heals.
    PARTITION,
    /// The disk is full when a checkpoint is saved.
    DISK,
    /// A bit flips: in a leaf that two ranks compute, or in staged weights.
    FLIP,
    /// The coordinator's clock leaps ahead, or its host is suspended for a while.
    CLOCK;

    /// Its name on the command line.
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /// The kinds that a list such as `kill,stop` names; `all` and `none` stand alone.
    public static Set<FaultKind> parse(String list) {
        if (list.equals("all")) {
            return EnumSet.allOf(FaultKind.class);
        }
        var kinds = EnumSet.noneOf(FaultKind.class);
        if (list.equals("none")) {
            return kinds;
        }
        for (String word : list.split(",", -1)) {
            var kind = Arrays.stream(values()).filter(each -> each.word().equals(word.strip())).findFirst();
            checkInput(kind.isPresent(), "no such fault '%s'; wanted 'all', 'none', or some of %s", word, words(EnumSet.allOf(FaultKind.class)));
            kinds.add(kind.get());
        }
        return kinds;
    }

    /// The list that [#parse] reads.
    public static String words(Set<FaultKind> kinds) {
        return kinds.isEmpty() ? "none" : kinds.stream().sorted().map(FaultKind::word).collect(Collectors.joining(","));
    }
}
