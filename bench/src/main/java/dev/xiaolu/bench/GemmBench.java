package dev.xiaolu.bench;

import dev.xiaolu.op.RandomNormal;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/// F32 matrix products: ours through the one door, MKL by PyTorch and OpenBLAS by numpy where a Python is given, and the peak measured in the same rounds.
public final class GemmBench {
    private GemmBench() {}

    /// What to measure.
    ///
    /// @param backend    name of the backend
    /// @param threads    thread counts, each measured apart
    /// @param shapes     products
    /// @param rounds     turns of each rival
    /// @param millis     length of one turn in milliseconds
    /// @param peerPython a Python with torch and numpy; without one, and without `XIAOLU_PEER_PYTHON`, only the peak is the measure
    public record Options(String backend, List<Integer> threads, List<GemmShape> shapes, int rounds, double millis, Optional<Path> peerPython) {
        /// One thread and two, the standard shapes.
        public static Options standard(Optional<Path> peerPython) {
            return new Options("auto", List.of(1, 2), GemmShape.standard(), 5, 100, peerPython);
        }
    }

    /// Measures; `progress` is told each finished row.
    public static BenchReport run(Options options, Consumer<BenchReport.Row> progress) {
        var setting = Machine.setting(options.backend);
        var rows = new ArrayList<BenchReport.Row>();
        Optional<Path> python = Peer.python(options.peerPython);
        for (int threads : options.threads) {
            try (Backend backend = Backends.open(options.backend, threads); Scratch scratch = new Scratch(); var peers = new Peers(python, threads)) {
                peers.names().forEach(name -> setting.put(name, "peer"));
                for (GemmShape shape : options.shapes) {
                    for (BenchReport.Row row : measure(shape, threads, options, backend, scratch, peers)) {
                        rows.add(row);
                        progress.accept(row);
                    }
                }
            }
        }
        return new BenchReport("gemm", setting, rows);
    }

    private static List<BenchReport.Row> measure(GemmShape shape, int threads, Options options, Backend backend, Scratch scratch, Peers peers) {
        try (Arena arena = Arena.ofShared()) {
            var rivals = new ArrayList<Rival>();
            var ours = new Ours(shape, options.millis, backend, scratch, arena);
            rivals.add(ours);
            rivals.addAll(peers.rivals(shape, options.millis));
            if (backend.measurePeak().isPresent()) {
                rivals.add(new PeakRival(backend, 1e9));
            }
            rivals.forEach(Rival::measure);                      // warm: compiled here, threads and pages there
            double[][] measured = Rival.takeTurns(rivals, options.rounds);
            var rows = new ArrayList<BenchReport.Row>();
            String subject = shape + ", " + Machine.threads(threads);
            for (int i = 1; i < measured.length; i++) {
                rows.add(BenchReport.Row.of(subject, "GFLOP/s", measured[0], rivals.get(i).name(), measured[i]));
            }
            return rows;
        }
    }

    /// Our product, again and again for the length of a turn; the fastest counts, here as at the peers, since a busy machine only ever slows down.
    private static final class Ours implements Rival {
        private static final double WARMING_MILLIS = 400;

        private final GemmShape shape;
        private final double millis;
        private final Backend backend;
        private final Scratch scratch;
        private final Tensor[] operands;
        private final Tensor result;
        private boolean warm;

        Ours(GemmShape shape, double millis, Backend backend, Scratch scratch, Arena arena) {
            this.shape = shape;
            this.millis = millis;
            this.backend = backend;
            this.scratch = scratch;
            operands = new Tensor[] {Tensor.zeros(arena, DType.F32, shape.a()), Tensor.zeros(arena, DType.F32, shape.b())};
            result = Tensor.zeros(arena, DType.F32, Shape.of(shape.m(), shape.n()));
            Compute.call(backend, scratch, () -> {
                Compute.run(new RandomNormal(1, 1), operands[0]);
                Compute.run(new RandomNormal(1, 2), operands[1]);
                return null;
            });
        }

        @Override public String name() {
            return "xiaolu";
        }

        @Override public double measure() {
            double turn = warm ? millis : WARMING_MILLIS;
            warm = true;
            return Compute.call(backend, scratch, () -> {
                long shortest = Long.MAX_VALUE;
                for (long start = System.nanoTime(); shortest == Long.MAX_VALUE || System.nanoTime() - start < turn * 1e6;) {
                    long before = System.nanoTime();
                    Compute.into(shape.op(), operands, result);
                    shortest = Math.min(shortest, System.nanoTime() - before);
                }
                return shape.flops() / shortest;
            });
        }
    }

    /// The peers of one thread count, none without a Python.
    private static final class Peers implements AutoCloseable {
        private final List<Peer> all = new ArrayList<>();

        Peers(Optional<Path> python, int threads) {
            for (String library : python.isPresent() ? List.of("torch", "numpy") : List.<String>of()) {
                try {
                    all.add(new Peer(python.get(), "gemm_peer.py", List.of("--library", library, "--threads", Integer.toString(threads))));
                } catch (RuntimeException failed) {
                    close();
                    throw failed;
                }
            }
        }

        List<String> names() {
            return all.stream().map(Peer::name).toList();
        }

        List<Rival> rivals(GemmShape shape, double millis) {
            var rivals = new ArrayList<Rival>();
            for (Peer peer : all) {
                rivals.add(new Rival() {
                    @Override public String name() {
                        return peer.name();
                    }

                    @Override public double measure() {
                        return peer.ask(shape.toString(), Double.toString(millis)).required("best").asDouble();
                    }
                });
            }
            return rivals;
        }

        @Override public void close() {
            all.forEach(Peer::close);
        }
    }
}
