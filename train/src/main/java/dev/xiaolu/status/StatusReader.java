package dev.xiaolu.status;

import dev.xiaolu.platform.Clock;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.store.CheckpointStore;
import dev.xiaolu.train.ConfigReader;
import dev.xiaolu.train.MetricsTail;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.RunJournal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// How a run stands, from what lies in its folder: the status that a run over workers writes, or for one in a process of its own its lock, metrics and checkpoints.
///
/// Changes nothing and waits for nobody; whoever has ended without a word is noticed.
public final class StatusReader {
    /// In the folder of a run over workers, written anew twice a second.
    public static final String FILE = "launch/status.json";

    private static final long SILENT_MILLIS = 10_000;            // a writer that writes twice a second and has not for so long is gone
    private static final Pattern HOLDER = Pattern.compile("process (\\d{1,18}), started (\\S+)");

    private final Path folder;
    private final Clock clock;

    private StatusReader(Path folder, Clock clock) {
        this.folder = folder;
        this.clock = clock;
    }

    /// The status of the run in `folder`; throws [InputException] where there is none.
    public static RunStatus read(Path folder, Clock clock) {
        if (!Files.isDirectory(folder)) {
            throw InputException.of("%s: wanted the folder of a run, found %s; './xiaolu train' says at its end which folder it wrote", folder, Files.exists(folder) ? "a file" : "nothing");
        }
        return new StatusReader(folder, clock).read();
    }

    private RunStatus read() {
        Optional<WriterProcess> holder = holder();
        Path config = folder.resolve("config.yaml");
        boolean begun = Files.isRegularFile(config);
        if (!begun && holder.isEmpty()) {
            throw InputException.of("%s: wanted the folder of a run, found no config.yaml in it; './xiaolu train' says at its end which folder it wrote", folder);
        }
        Optional<RunStatus> launch = launch();
        if (launch.isPresent() && isNewest(launch.get(), holder)) {
            return judged(launch.get());
        }
        return alone(begun ? Optional.of(ConfigReader.file(config, List.of())) : Optional.empty(), holder);
    }

    /// A launch speaks for the run unless another process has the run now, or has had it since. With several coordinators one of them has it, whichever leads.
    private boolean isNewest(RunStatus launch, Optional<WriterProcess> holder) {
        return holder.isPresent() ? Stream.concat(launch.process().stream(), launch.coordinators().stream()).anyMatch(process -> process.pid() == holder.get().pid()) : launch.hasEnded() && launch.step() >= tail().step();
    }

    private Optional<RunStatus> launch() {
        Path file = folder.resolve(FILE);
        return Files.isRegularFile(file) ? Optional.of(RunStatus.of(file.toString(), text(file))) : Optional.empty();
    }

    /// Gone, where nobody writes any more who would.
    private RunStatus judged(RunStatus told) {
        if (told.hasEnded()) {
            return told.withoutPage();
        }
        WriterProcess process = told.process().orElseThrow(() -> InputException.of("%s: wanted the process that writes it, found none", folder.resolve(FILE)));
        long age = clock.wallMillis() - told.wallMillis();
        boolean goesOn = told.coordinators().stream().filter(one -> one.isHere() && one.lives()).count() > told.coordinators().size() / 2;         // under another leader, soon
        if (process.isHere() && !process.lives() && !goesOn) {
            return gone(told, "its process %d has ended without a word; go on with './xiaolu resume %s'".formatted(process.pid(), folder));
        }
        return age > SILENT_MILLIS ? gone(told, "its process %d has not written for %d s".formatted(process.pid(), age / 1000)) : told;
    }

    private static RunStatus gone(RunStatus told, String why) {
        return told.in(RunStatus.GONE, Optional.of(why)).withoutPage();
    }

    private RunStatus alone(Optional<RunConfig> config, Optional<WriterProcess> holder) {
        MetricsTail tail = tail();
        long step = tail.step(), steps = config.map(one -> one.train().steps()).orElse(0L), now = clock.wallMillis();
        Optional<Long> checkpoint = new CheckpointStore(folder, CheckpointStore.Keep.ALL).steps().stream().reduce((_, last) -> last);
        boolean lives = holder.filter(WriterProcess::lives).isPresent();
        String state = lives ? step == 0 && !Files.exists(folder.resolve(RunJournal.METRICS)) ? RunStatus.STARTING : RunStatus.TRAINING
                : holder.isPresent() ? RunStatus.GONE : step >= steps ? RunStatus.OVER : RunStatus.STOPPED;
        Optional<String> why = state.equals(RunStatus.GONE) ? Optional.of("its process %d has ended without a word; go on with './xiaolu resume %s'".formatted(holder.get().pid(), folder)) : Optional.empty();
        var rank = RankStatus.alone(0, holder.map(WriterProcess::pid), state, step == 0 ? Optional.empty() : Optional.of(step));
        return new RunStatus(state, why, step, steps, 0, OptionalDouble.empty(), checkpoint, OptionalDouble.empty(), Optional.empty(), holder, List.of(), holder.map(WriterProcess::startedMillis).orElse(0L), now, 0, List.of(rank), List.of(), List.of());
    }

    private MetricsTail tail() {
        var tail = new MetricsTail(folder.resolve(RunJournal.METRICS));
        tail.follow();
        return tail;
    }

    /// Who wrote itself into the lock; nobody once it has ended as it should.
    private Optional<WriterProcess> holder() {
        Path lock = folder.resolve("run.lock");
        Matcher words = HOLDER.matcher(Files.isRegularFile(lock) ? text(lock) : "");
        if (!words.find()) {
            return Optional.empty();
        }
        try {
            return Optional.of(new WriterProcess(Long.parseLong(words.group(1)), Instant.parse(words.group(2)).toEpochMilli(), WriterProcess.ownHost()));
        } catch (DateTimeException other) {
            return Optional.empty();
        }
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException unreadable) {
            throw new InputException(String.format(Locale.ROOT, "%s: cannot be read: %s", file, unreadable.getMessage()), unreadable);
        }
    }
}
