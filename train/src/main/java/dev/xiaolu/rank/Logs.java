package dev.xiaolu.rank;

import dev.xiaolu.platform.InputException;
import dev.xiaolu.recover.History;
import dev.xiaolu.recover.HistoryCheck;
import dev.xiaolu.train.RunConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// Logs of control planes that real runs have written.
public final class Logs {
    /// Where the log of a launch is, in the folder of its run.
    public static final String FILE = "launch/control.log";

    private Logs() {}

    /// What the independent checker finds wrong in the log of a run from its first step; nothing if all is well.
    public static List<String> faults(RunConfig config, Path folder) {
        try {
            return HistoryCheck.faults(RunPlan.of(config, 0), 0, History.parse(ControlLog.turns(Files.readAllLines(folder.resolve(FILE)))));
        } catch (IOException failed) {
            throw new InputException("run %s: %s cannot be read: %s".formatted(folder, FILE, failed.getMessage()), failed);
        }
    }
}
