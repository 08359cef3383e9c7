package dev.xiaolu.bench;

import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/// Kernels beside baselines that are measured in turns with them: the peak, a copy through memory, the plain loops of the reference. No absolute time decides anything,
/// and what is wanted is a fraction of what is usual, so that a busy machine passes and a kernel that has lost its vectors does not. A row that misses is measured again, twice at most.
public final class GuardBench {
    private static final int TRIES = 3;
    /// Bytes of a call's bookkeeping at most; objects of vectors make a hundred thousand and more in each of these kernels.
    private static final long GARBAGE = 16_384;
    private static final double UNIT = 1e9;                      // operations, or bytes, a second

    private GuardBench() {}

    /// What to measure.
    ///
    /// @param backend name of the backend
    /// @param threads of every kernel but the reference's
    /// @param rounds  turns of a kernel and its baseline
    /// @param millis  length of a kernel's turn in milliseconds
    /// @param settle  seconds at most until the compiler has done its part and a kernel leaves no garbage
    public record Options(String backend, int threads, int rounds, double millis, double settle) {
        public Options {
            checkInput(threads >= 1, "guard: %d threads, wanted 1 or more", threads);
            checkInput(rounds >= 1, "guard: %d rounds, wanted 1 or more", rounds);
        }

        /// As many threads as there are processors, two at most.
        public static Options standard() {
            return new Options("auto", Math.min(2, Runtime.getRuntime().availableProcessors()), 5, 60, 20);
        }
    }

    /// Measures; `progress` is told each finished row.
    public static GuardReport run(Options options, Consumer<String> progress) {
        return run(options, GuardWork.standard(4096), progress);
    }

    static GuardReport run(Options options, List<GuardWork> works, Consumer<String> progress) {
        var setting = Machine.setting(options.backend);
        setting.put("kernels", Machine.threads(options.threads) + "; the reference has one");
        var report = new GuardReport(setting, new ArrayList<>(), new ArrayList<>());
        try (Backend backend = Backends.open(options.backend, options.threads); Backend reference = Backends.open("reference", 1); Scratch scratch = new Scratch()) {
            for (GuardWork work : works) {
                if (measurable(work, backend)) {
                    measure(work, options, backend, reference, scratch, report);
                    progress.accept(work.name());
                }
            }
        }
        return report;
    }

    private static void measure(GuardWork work, Options options, Backend backend, Backend reference, Scratch scratch, GuardReport into) {
        try (Arena arena = Arena.ofShared()) {
            var inputs = new ArrayList<Tensor>();
            Compute.call(backend, scratch, () -> {
                work.inputs().forEach(input -> inputs.add(input.make(arena, inputs.size())));
                return null;
            });
            var ours = new Running("xiaolu", work, inputs.toArray(Tensor[]::new), work.outputs(arena), options.millis, backend, scratch);
            Rival baseline = switch (work.beside()) {
                case PEAK -> new PeakRival(backend, UNIT);
                case COPY -> new CopyRival(backend, UNIT);
                case REFERENCE -> new Running("plain loops", work, ours.inputs, ours.outputs, 0, reference, scratch);
            };
            ours.warm();
            baseline.measure();
            GuardReport.Speed speed = null;
            for (int tries = 1; tries <= TRIES && (speed == null || !speed.holds()); tries++) {
                double[][] measured = Rival.takeTurns(List.of(ours, baseline), options.rounds);
                speed = new GuardReport.Speed(BenchReport.Row.of(work.name(), work.unit(), measured[0], baseline.name(), measured[1]), work.least(), tries);
            }
            into.speeds().add(speed);
            into.garbage().add(new GuardReport.Garbage(work.name(), ours.bytesPerCall(options.settle), GARBAGE));
        }
    }

    private static boolean measurable(GuardWork work, Backend backend) {
        return switch (work.beside()) {
            case PEAK -> backend.measurePeak().isPresent();
            case COPY -> backend.measureBandwidth().isPresent();
            case REFERENCE -> true;
        };
    }

    /// One kernel, again and again for the length of a turn; the fastest counts.
    private record Running(String name, GuardWork work, Tensor[] inputs, Tensor[] outputs, double millis, Backend backend, Scratch scratch) implements Rival {
        private static final int MOST_TURNS = 80, IDLE = 15;
        private static final double BETTER = 1.1;

        @Override public double measure() {
            return rate(millis);
        }

        /// Until so many turns in a row have not been faster than those before: a large kernel may wait a second for the compiler.
        void warm() {
            double best = 0;
            for (int turn = 0, idle = 0; turn < MOST_TURNS && idle < IDLE; turn++) {
                double now = rate(millis);
                idle = now > BETTER * best ? 0 : idle + 1;
                best = Math.max(best, now);
            }
        }

        private double rate(double turn) {
            return Compute.call(backend, scratch, () -> {
                long shortest = Long.MAX_VALUE;
                for (long start = System.nanoTime(); shortest == Long.MAX_VALUE || System.nanoTime() - start < turn * 1e6;) {
                    long before = System.nanoTime();
                    Compute.into(work.op(), inputs, outputs);
                    shortest = Math.min(shortest, System.nanoTime() - before);
                }
                return work.amount() / UNIT / (shortest / 1e9);
            });
        }

        long bytesPerCall(double settle) {
            var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
            int calls = 20;
            return Compute.call(backend, scratch, () -> {
                long least = Long.MAX_VALUE;
                long start = System.nanoTime();
                for (int round = 0; round < 3 || least > GARBAGE && System.nanoTime() - start < settle * 1e9; round++) {
                    long before = threads.getTotalThreadAllocatedBytes();
                    for (int call = 0; call < calls; call++) {
                        Compute.into(work.op(), inputs, outputs);
                    }
                    least = Math.min(least, (threads.getTotalThreadAllocatedBytes() - before) / calls);
                }
                return least;
            });
        }
    }
}
