package dev.xiaolu.cli;

import dev.xiaolu.rank.Launch;
import dev.xiaolu.train.RunJournal;
import dev.xiaolu.train.Screen;
import dev.xiaolu.train.TrainRun;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import org.jline.utils.Signals;

/// One stretch of training, watched over: Ctrl+C lets the step finish and saves, a second one ends at once; at the end it is said how to go on.
final class TrainingSession {
    private static final int INTERRUPTED = 130;

    private TrainingSession() {}

    /// Trains as `work` says, and gives the exit code.
    static int train(Console console, Function<TrainRun, TrainRun.Ended> work) {
        Screen screen = Tty.screen(console.out());
        var stop = new AtomicBoolean();
        Object before = Signals.register("INT", () -> interrupt(console, stop));
        Object beforeTerm = Signals.register("TERM", () -> stop.set(true));
        try {
            TrainRun.Ended ended = work.apply(new TrainRun(screen, stop::get, new Launch(OwnProcess.command("worker"), screen, stop::get)));
            console.out().println(words(ended));
            return Action.DONE;
        } finally {
            Signals.unregister("INT", before);
            Signals.unregister("TERM", beforeTerm);
        }
    }

    private static void interrupt(Console console, AtomicBoolean stop) {
        if (stop.getAndSet(true)) {
            Runtime.getRuntime().halt(INTERRUPTED);
        }
        console.err().println(System.lineSeparator() + "finishing this step and saving; Ctrl+C again ends at once and loses what is not saved");
    }

    private static String words(TrainRun.Ended ended) {
        var out = new StringBuilder();
        out.append(ended.finished() ? "finished: %d steps".formatted(ended.steps()) : "stopped after step %d".formatted(ended.steps()));
        ended.heldOut().ifPresent(seen -> out.append(String.format(Locale.ROOT, ", %.3f bits per byte on held-out text", seen.bitsPerByte())));
        ended.checkpoint().ifPresent(checkpoint -> out.append("%n  model   %s%n  digest  %s".formatted(checkpoint.folder(), checkpoint.manifest().weightsDigest())));
        out.append("%n  report  %s".formatted(ended.folder().resolve(RunJournal.REPORT)));
        out.append(ended.finished() ? "%n  try it  ./xiaolu generate --model %s --prompt 'public class'".formatted(ended.folder()) : "%n  go on   ./xiaolu resume %s".formatted(ended.folder()));
        return out.toString();
    }
}
