package dev.xiaolu.cpu;

import dev.xiaolu.platform.Clock;
import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.util.concurrent.TimeUnit;

/// Tells when the JIT compiler has come to rest after the program's start.
///
/// A kernel that is not compiled yet is a hundred times slower than one that is, and makes others wait for the compiler: on two processors the compiler is what one waits for.
/// One thread at a time.
final class Settling {
    private static final long WINDOW = TimeUnit.MILLISECONDS.toNanos(500);
    /// At rest, its threads take less than this share of one processor.
    private static final double REST = 0.5;

    private final Clock clock;
    private final CompilationMXBean compiler = ManagementFactory.getCompilationMXBean();
    private long begun;
    private long compiledMillis;

    Settling(Clock clock) {
        this.clock = clock;
        begun = clock.nanos();
        compiledMillis = compiledMillis();
    }

    /// Whether the compiler is still at work, as of the last half second.
    boolean goesOn() {
        long now = clock.nanos();
        if (now - begun < WINDOW) {
            return true;
        }
        long compiled = compiledMillis();
        boolean busy = TimeUnit.MILLISECONDS.toNanos(compiled - compiledMillis) > REST * (now - begun);
        begun = now;
        compiledMillis = compiled;
        return busy;
    }

    /// What all threads of the compiler have taken so far; without end 0 where it is not told or there is no compiler.
    private long compiledMillis() {
        return compiler != null && compiler.isCompilationTimeMonitoringSupported() ? compiler.getTotalCompilationTime() : 0;
    }
}
