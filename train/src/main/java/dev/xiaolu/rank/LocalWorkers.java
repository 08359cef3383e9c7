package dev.xiaolu.rank;

import dev.xiaolu.platform.Clock;
import dev.xiaolu.platform.InputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;

/// Worker processes on this machine: starts them, and starts one anew where one has ended. Thread-safe.
final class LocalWorkers implements AutoCloseable {
    private static final int MOST_FAILURES = 3;                  // of a worker's starts in a row that it ended by itself before it could join, or since a step was done
    private static final long PAUSE_MILLIS = 200, LEAVE_MILLIS = 5000;            // before another is started; after one that has taken its leave, since the run is over then and this process will hear of it
    private static final Set<Integer> SENT = Set.of(129, 130, 137, 143);        // exit codes of the signals that others send; what a process does to itself, as SIGSEGV, is a failure
    private static final int MOST_KILLS = 8;
    private static final int SIGNALS = 128;                      // exit codes above it stand for signals

    /// Told what becomes of workers, on threads of their own.
    interface Listener {
        /// A process has ended, and how.
        void ended(long pid, String how);

        /// A worker is not started again, and why.
        ///
        /// @param all whether none is left that would be
        void givenUp(String why, boolean all);
    }

    private final List<String> command;
    private final IntFunction<Contract> contracts;
    private final Path logs;
    private final Listener listener;
    private final Map<Integer, Process> running = new HashMap<>();
    private final Map<Integer, Integer> starts = new HashMap<>();
    private final Map<Integer, Integer> failures = new HashMap<>();
    private final Map<Integer, Integer> fruitless = new HashMap<>();             // the same since a step was committed, joined or not
    private final Map<Integer, Integer> killed = new HashMap<>();                // how often by a signal since then: a host without memory kills for ever
    private final Set<Integer> givenUp = new HashSet<>();
    private final Set<Long> joined = new HashSet<>();            // process ids
    private boolean closing;

    /// @param command   starts a worker, which reads its [Contract]
    /// @param contracts what each worker is told, by number
    /// @param logs      folder for what workers print
    LocalWorkers(List<String> command, IntFunction<Contract> contracts, Path logs, Listener listener) {
        this.command = List.copyOf(command);
        this.contracts = contracts;
        this.logs = logs;
        this.listener = listener;
    }

    /// Starts worker `number`.
    synchronized void start(int number) {
        if (closing) {
            return;
        }
        int before = starts.merge(number, 1, Integer::sum) - 1;
        Contract contract = contracts.apply(number);
        var again = new Contract(contract.run(), contract.runId(), contract.rank(), contract.worldSize(), contract.rendezvous(), before, contract.keyFile(), contract.host());
        var builder = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.appendTo(log(number).toFile()));
        builder.environment().putAll(again.environment());
        try {
            Process process = builder.start();
            process.getOutputStream().close();
            running.put(number, process);
            Thread.ofVirtual().name("worker-" + number).start(() -> watch(number, process));
        } catch (IOException failed) {
            throw new InputException("worker %d cannot be started: %s".formatted(number, failed.getMessage()), failed);
        }
    }

    private Path log(int number) {
        return logs.resolve("worker-%d.log".formatted(number));
    }

    private void watch(int number, Process process) {
        int code;
        try {
            code = process.waitFor();
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            return;
        }
        listener.ended(process.pid(), code > SIGNALS ? "its process has ended, signal %d".formatted(code - SIGNALS) : "its process has ended, exit code %d".formatted(code));
        int failed, without, kills;
        synchronized (this) {
            if (closing) {
                return;
            }
            failed = SENT.contains(code) ? 0 : failures.merge(number, 1, Integer::sum);
            without = SENT.contains(code) ? 0 : fruitless.merge(number, 1, Integer::sum);
            kills = SENT.contains(code) ? killed.merge(number, 1, Integer::sum) : 0;
        }
        if (kills >= MOST_KILLS) {
            giveUp(number, "worker %d was killed %d times before another step was done, the last time by signal %d; if not by you, the host may be out of memory; the last words in %s are: %s"
                    .formatted(number, kills, code - SIGNALS, log(number), lastWords(number)));
            return;
        }
        if (failed >= MOST_FAILURES || without >= MOST_FAILURES) {
            giveUp(number, "worker %d has ended %d times before %s; the last words in %s are: %s".formatted(number, Math.max(failed, without),
                    failed >= MOST_FAILURES ? "it could join the run" : "another step was done", log(number), lastWords(number)));
            return;
        }
        try {
            Thread.sleep(code == 0 ? LEAVE_MILLIS : PAUSE_MILLIS * (1 + failed * failed));
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
        try {
            start(number);
        } catch (InputException failure) {
            giveUp(number, failure.getMessage());
        }
    }

    /// The run goes on as long as there are others.
    private void giveUp(int number, String why) {
        boolean all;
        synchronized (this) {
            givenUp.add(number);
            all = givenUp.containsAll(running.keySet());
        }
        listener.givenUp(why, all);
    }

    private String lastWords(int number) {
        try {
            List<String> lines = Files.readAllLines(log(number)).stream().filter(line -> !line.isBlank() && !line.startsWith("WARNING: Using incubator modules")).toList();
            return lines.isEmpty() ? "none" : String.join(" / ", lines.subList(Math.max(0, lines.size() - 3), lines.size()));
        } catch (IOException | UncheckedIOException unreadable) {
            return "not readable";
        }
    }

    /// The worker with this process id has joined the run.
    synchronized void joined(long pid) {
        joined.add(pid);
        running.forEach((number, process) -> {
            if (process.pid() == pid) {
                failures.remove(number);
            }
        });
    }

    /// The worker with this process id has computed something wrong: the next one of its number is tested before it takes part.
    synchronized void distrust(long pid) {
        starts.remove(number(pid));
    }

    /// A step is done: it was worth while to start workers anew.
    synchronized void committed() {
        fruitless.clear();
        killed.clear();
    }

    /// Lets all go on by themselves: others look after the run.
    synchronized void leave() {
        closing = true;
        running.clear();
    }

    /// Starts none anew from now on.
    synchronized void startNoMore() {
        closing = true;
    }

    /// Ends a process at once, and returns when it has.
    void kill(long pid) {
        Process process;
        synchronized (this) {
            process = running.values().stream().filter(each -> each.pid() == pid).findFirst().orElse(null);
        }
        if (process != null) {
            process.destroyForcibly();
            try {
                process.waitFor(5, TimeUnit.SECONDS);
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /// Which number the worker with this process id has; -1 where it is none of these.
    synchronized int number(long pid) {
        return running.entrySet().stream().filter(each -> each.getValue().pid() == pid).map(Map.Entry::getKey).findFirst().orElse(-1);
    }

    /// Process ids of workers that run, by number.
    synchronized Map<Integer, Long> pids() {
        var pids = new TreeMap<Integer, Long>();
        running.forEach((number, process) -> {
            if (process.isAlive()) {
                pids.put(number, process.pid());
            }
        });
        return pids;
    }

    /// Lets workers end by themselves for `patience`, then ends them; those that have not joined the run, which will not hear of its end, at once.
    void end(Duration patience) {
        List<Process> left;
        synchronized (this) {
            closing = true;
            left = new ArrayList<>(running.values());
            left.stream().filter(process -> !joined.contains(process.pid())).forEach(Process::destroyForcibly);
        }
        long until = Clock.real().nanos() + patience.toNanos();
        for (Process process : left) {
            try {
                if (!process.waitFor(Math.max(0, until - Clock.real().nanos()), TimeUnit.NANOSECONDS)) {
                    process.destroyForcibly().waitFor();
                }
            } catch (InterruptedException _) {
                process.destroyForcibly();
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override public void close() {
        end(Duration.ZERO);
    }
}
