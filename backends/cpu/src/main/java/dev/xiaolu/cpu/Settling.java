package dev.xiaolu.cpu;

import dev.xiaolu.platform.Clock;
import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/// Tells when the JIT compiler has come to rest after the program's start.
///
/// A kernel that is not compiled yet is many times slower than one that is, and threads that run it keep the compiler from its processor: with two, the compiler is what one waits for.
/// One thread at a time.
final class Settling {
    private static final long WINDOW = TimeUnit.MILLISECONDS.toNanos(500);
    /// At rest, its threads take less than this share of one processor.
    private static final double REST = 0.5;

    private final Clock clock;
    private final LongSupplier compiler;
    private long begun;
    private long compiledMillis;

    /// @param compiler milliseconds that all threads of the compiler have taken so far
    Settling(Clock clock, LongSupplier compiler) {
        this.clock = clock;
        this.compiler = compiler;
        begun = clock.nanos();
        compiledMillis = compiler.getAsLong();
    }

    /// The compiler of this process; one that tells nothing counts as at rest.
    static Settling ofJit(Clock clock) {
        CompilationMXBean compiler = ManagementFactory.getCompilationMXBean();
        boolean told = compiler != null && compiler.isCompilationTimeMonitoringSupported();
        return new Settling(clock, told ? compiler::getTotalCompilationTime : () -> 0);
    }

    /// Whether the compiler is still at work, as of the last half second.
    boolean goesOn() {
        long now = clock.nanos();
        if (now - begun < WINDOW) {
            return true;
        }
        long compiled = compiler.getAsLong();
        boolean busy = TimeUnit.MILLISECONDS.toNanos(compiled - compiledMillis) > REST * (now - begun);
        begun = now;
        compiledMillis = compiled;
        return busy;
    }
}
