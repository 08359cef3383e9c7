package dev.xiaolu.status;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;

/// The process that writes a status, such that it is not taken for a later one of the same number, nor for one on another host.
///
/// @param pid           its process id
/// @param startedMillis when it started, milliseconds since 1970; 0 where unknown
/// @param host          name of its host; empty where unknown
public record WriterProcess(long pid, long startedMillis, String host) {
    private static final long SAME_MILLIS = 5000;                // start times are worked out from clocks that are set now and then

    /// This process.
    public static WriterProcess own() {
        return new WriterProcess(ProcessHandle.current().pid(), started(ProcessHandle.current()), ownHost());
    }

    /// A process on this host of which no more than the number is known.
    public static WriterProcess here(long pid) {
        return new WriterProcess(pid, 0, ownHost());
    }

    /// A process on some other host.
    public static WriterProcess elsewhere(long pid) {
        return new WriterProcess(pid, 0, "");
    }

    /// Whether it lives, as far as that can be told from here.
    @JsonIgnore public boolean isWithUs() {
        return !isHere() || lives();
    }

    /// Whether it can be told from here if it lives.
    @JsonIgnore public boolean isHere() {
        return host.equals(ownHost());
    }

    /// Whether it lives, on this host.
    public boolean lives() {
        return ProcessHandle.of(pid).filter(ProcessHandle::isAlive).map(WriterProcess::started).filter(then -> then == 0 || startedMillis == 0 || Math.abs(then - startedMillis) < SAME_MILLIS).isPresent()
                && !isZombie();
    }

    /// Whether it has ended and its parent has not asked how: the list of processes still has it then.
    private boolean isZombie() {
        String stat = text(Path.of("/proc/%d/stat".formatted(pid)));
        return stat.startsWith("Z", stat.lastIndexOf(')') + 2);
    }

    static String ownHost() {
        return text(Path.of("/proc/sys/kernel/hostname")).strip();
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException elsewhere) {
            return "";
        }
    }

    private static long started(ProcessHandle process) {
        return process.info().startInstant().map(Instant::toEpochMilli).orElse(0L);
    }
}
