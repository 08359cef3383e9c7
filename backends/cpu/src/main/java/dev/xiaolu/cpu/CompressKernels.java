package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.CompressWorker.WIDTH;

import dev.xiaolu.op.Compress;
import dev.xiaolu.op.CompressGrad;
import dev.xiaolu.tensor.PooledWindows;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;

/// Compression and its gradients: units of up to 128 channels of one entry, which no other unit reads into or writes.
final class CompressKernels {
    private final Workers workers;
    private final AtomicInteger next = new AtomicInteger();
    private final CompressWorker[] team;

    CompressKernels(Workers workers) {
        this.workers = workers;
        team = new CompressWorker[workers.threads()];
        Arrays.setAll(team, _ -> new CompressWorker());
    }

    void forward(Compress op, Tensor[] in, Tensor[] out) {
        Problem problem = Problem.of(PooledWindows.of(op, in, 3), in, out[0]);
        int parts = (problem.channels + WIDTH - 1) / WIDTH;
        share(problem.batch * problem.entries * parts, (worker, unit) -> {
            int channel = unit % parts * WIDTH;
            worker.forward(problem, unit / parts / problem.entries, unit / parts % problem.entries, channel, Math.min(WIDTH, problem.channels - channel), out[0].data());
        });
    }

    void gradients(CompressGrad op, Tensor[] in, Tensor[] out) {
        Problem problem = Problem.of(PooledWindows.of(new Compress(op.ratio(), op.overlap(), op.continued()), in, 4), in, in[3]);
        MemorySegment dcontent = out[0].data();
        MemorySegment dgate = out[1].data();
        workers.share(out[0].shape().rows(), 64, (from, to) -> {
            dcontent.asSlice(4 * from * problem.columns, 4 * (to - from) * problem.columns).fill((byte) 0);
            dgate.asSlice(4 * from * problem.columns, 4 * (to - from) * problem.columns).fill((byte) 0);
        });
        int parts = (problem.channels + WIDTH - 1) / WIDTH;
        share(problem.batch * problem.entries * parts, (worker, unit) -> {
            int channel = unit % parts * WIDTH;
            worker.gradients(problem, unit / parts / problem.entries, unit / parts % problem.entries, channel, Math.min(WIDTH, problem.channels - channel), dcontent, dgate);
        });
        int columnParts = (problem.columns + WIDTH - 1) / WIDTH;
        share(op.leaves() * op.ratio() * columnParts, (worker, unit) -> {
            int column = unit % columnParts * WIDTH;
            worker.sum(problem, dgate, unit / columnParts / op.ratio(), problem.batch / op.leaves(), unit / columnParts % op.ratio(), column, Math.min(WIDTH, problem.columns - column), out[2].data());
        });
    }

    /// Work of one thread on one unit.
    private interface Unit {
        void run(CompressWorker worker, int unit);
    }

    private void share(int units, Unit work) {
        next.set(0);
        workers.share(Math.min(units, workers.threads()), 1, (from, _) -> {
            for (int unit = next.getAndIncrement(); unit < units; unit = next.getAndIncrement()) {
                work.run(team[(int) from], unit);
            }
        });
    }

    /// Sizes and inputs of one call, and where the slots of an entry lie: `dy` is the entries or their gradients. Positions are bytes.
    record Problem(PooledWindows windows, int batch, int tokens, int columns, int entries, int channels, Tensor contents, Tensor gates, Tensor biases, Tensor dys) {
        static Problem of(PooledWindows windows, Tensor[] in, Tensor entries) {
            return new Problem(windows, (int) in[0].shape().axis(0), Math.toIntExact(in[0].shape().axis(1)), Math.toIntExact(in[0].shape().axis(2)), Math.toIntExact(entries.shape().axis(1)),
                    Math.toIntExact(entries.shape().axis(2)), in[0], in[1], in[2], entries);
        }

        int ratio() {
            return windows.op().ratio();
        }

        /// Slots of the window before that an entry has.
        int before(int sequence, int entry) {
            return windows.before(sequence, entry);
        }

        /// The token of a slot, counted from the first of the entry's own window.
        long token(int entry, int slot) {
            return windows.window(entry) * ratio() + slot;
        }

        int place(int slot) {
            return Math.floorMod(slot, ratio());
        }

        /// The first column that a slot is read from.
        int column(int slot) {
            return windows.op().overlap() && slot >= 0 ? channels : 0;
        }

        MemorySegment content() {
            return contents.data();
        }

        long contentAt(int sequence, long token, int column) {
            return 4 * (sequence * contents.stride(0) + token * contents.stride(1) + column);
        }

        MemorySegment gate() {
            return gates.data();
        }

        long gateAt(int sequence, long token, int column) {
            return 4 * (sequence * gates.stride(0) + token * gates.stride(1) + column);
        }

        MemorySegment bias() {
            return biases.data();
        }

        long biasAt(int place, int column) {
            return 4 * (place * biases.stride(0) + column);
        }

        MemorySegment dy() {
            return dys.data();
        }

        long dyAt(int sequence, int entry, int channel) {
            return 4 * (sequence * dys.stride(0) + entry * dys.stride(1) + channel);
        }
    }
}
