package dev.xiaolu.platform;

/// Time, as an interface so that a simulated world can turn it. Thread-safe.
public interface Clock {
    /// Nanoseconds from some fixed moment; never goes back. For durations.
    long nanos();

    /// Milliseconds since 1970-01-01 UTC; may jump. For what people read.
    long wallMillis();

    /// The machine's clocks.
    static Clock real() {
        return RealClock.ONE;
    }

    /// Lets the wall clock of this process leap by so many milliseconds, forth or back, as it does where somebody sets the machine's; for drills.
    static void leap(long millis) {
        RealClock.leap(millis);
    }
}
