package dev.xiaolu.cli;

import dev.xiaolu.rank.Contract;
import dev.xiaolu.rank.Worker;
import org.jline.utils.Signals;
import picocli.CommandLine.Command;

/// Takes part in a run as one of its workers; started by other programs, so it is not listed.
@Command(name = "worker", hidden = true, header = {"Takes part in a run over several processes, as its environment says.", ""},
        footer = {"", "XIAOLU_RUN, XIAOLU_RUN_ID, XIAOLU_RENDEZVOUS and XIAOLU_KEY_FILE must be set; XIAOLU_RANK, XIAOLU_WORLD_SIZE, XIAOLU_GENERATION and XIAOLU_HOST may be.",
            "'./xiaolu train launch.workers=2' sets all of them and starts workers by itself."})
final class WorkerCommand extends Action {
    WorkerCommand(Console console) {
        super(console);
    }

    @Override public Integer call() {
        Object before = Signals.register("INT", () -> {});       // Ctrl+C in a terminal reaches every process; the one that coordinates decides
        try {
            new Worker(Contract.of(System.getenv()), Tty.screen(out())).run();
            return DONE;
        } finally {
            Signals.unregister("INT", before);
        }
    }
}
