package dev.xiaolu.cli;

import dev.xiaolu.rank.Contract;
import dev.xiaolu.rank.Worker;
import java.time.Duration;
import org.jline.utils.Signals;
import picocli.CommandLine.Command;

/// Takes part in a run as one of its workers; started by other programs, so it is not listed.
@Command(name = "worker", hidden = true, header = {"Takes part in a run over several processes, as its environment says.", ""},
        footer = {"", "XIAOLU_RUN, XIAOLU_RUN_ID, XIAOLU_RENDEZVOUS and XIAOLU_KEY_FILE must be set; XIAOLU_RANK, XIAOLU_WORLD_SIZE, XIAOLU_GENERATION and XIAOLU_HOST may be.",
            "'./xiaolu train launch.workers=2' sets all of them and starts workers by itself.", "",
            "Example:  XIAOLU_RUN=runs/first XIAOLU_RUN_ID=a1 XIAOLU_RENDEZVOUS=host:7000 XIAOLU_KEY_FILE=run.key ./xiaolu worker"})
final class WorkerCommand extends Action {
    private static final Duration GRACE = Duration.ofSeconds(20);
    private static final int TERMINATED = 143;

    WorkerCommand(Console console) {
        super(console);
    }

    @Override public Integer call() {
        Object before = Signals.register("INT", () -> {});       // Ctrl+C in a terminal reaches every process; the one that coordinates decides
        Object beforeTerm = Signals.register("TERM", WorkerCommand::endLater);
        try {
            new Worker(Contract.of(System.getenv()), Tty.screen(out())).run();
            return DONE;
        } finally {
            Signals.unregister("INT", before);
            Signals.unregister("TERM", beforeTerm);
        }
    }

    /// Where the whole run is told to end, the coordinator is told too, and saves; this process must live until it has. Where this one alone is meant, it ends a little later.
    private static void endLater() {
        Thread.ofPlatform().daemon().start(() -> {
            try {
                Thread.sleep(GRACE);
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
            Runtime.getRuntime().halt(TERMINATED);
        });
    }
}
