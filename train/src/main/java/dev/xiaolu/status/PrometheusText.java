package dev.xiaolu.status;

import dev.xiaolu.train.Metrics;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot.HistogramDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.function.Function;

/// A status as Prometheus reads it, text format 0.0.4. Nothing is kept between two readings: every number is taken from the status.
final class PrometheusText {
    static final String TYPE = PrometheusTextFormatWriter.CONTENT_TYPE;

    private static final double[] RECOVERY_BOUNDS = {0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, Double.POSITIVE_INFINITY};    // seconds

    private final RunStatus status;
    private final Labels run;
    private final MetricSnapshots.Builder all = MetricSnapshots.builder();

    private PrometheusText(String run, RunStatus status) {
        this.status = status;
        this.run = Labels.of("run", run);
    }

    /// The text of a run's status and its newest step, UTF-8.
    static byte[] of(String run, RunStatus status, Optional<Metrics> newest) {
        var text = new PrometheusText(run, status);
        text.progress(newest);
        text.ranks();
        text.faults();
        var out = new ByteArrayOutputStream();
        try {
            PrometheusTextFormatWriter.create().write(out, text.all.build());
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);          // it is written into memory
        }
        return out.toByteArray();
    }

    private void progress(Optional<Metrics> newest) {
        gauge("xiaolu_step", "The newest committed step.", OptionalDouble.of(status.step()));
        gauge("xiaolu_steps", "The last step of the schedule.", OptionalDouble.of(status.steps()));
        gauge("xiaolu_checkpoint_step", "Step of the newest checkpoint.", status.checkpoint().map(OptionalDouble::of).orElse(OptionalDouble.empty()));
        gauge("xiaolu_loss", "Training loss of the newest step, nats per token.", finite(newest.map(Metrics::loss)));
        gauge("xiaolu_tokens_per_second", "Tokens of the newest step over its time.", finite(newest.map(Metrics::tokensPerSecond)));
        gauge("xiaolu_leaves_per_second", "Leaves of committed steps a second, over the last seconds.", status.leavesPerSecond());
        gauge("xiaolu_goodput_ratio", "Part of the time that went into steps that count.", status.goodput());
        gauge("xiaolu_generation", "Grows with every change of membership.", OptionalDouble.of(status.generation()));
    }

    private static OptionalDouble finite(Optional<Double> value) {
        return value.filter(Double::isFinite).map(OptionalDouble::of).orElse(OptionalDouble.empty());
    }

    private void ranks() {
        var counts = new TreeMap<String, Long>();
        List.of(RunStatus.STARTING, RankStatus.JOINING, RunStatus.SETTLING, RunStatus.TRAINING).forEach(state -> counts.put(state, 0L));
        status.ranks().forEach(rank -> counts.merge(rank.state(), 1L, Long::sum));
        var builder = GaugeSnapshot.builder().name("xiaolu_ranks").help("Processes of the run by state.");
        counts.forEach((state, count) -> builder.dataPoint(GaugeDataPointSnapshot.builder().labels(run.add("state", state)).value(count).build()));
        all.metricSnapshot(builder.build());
        eachRank("xiaolu_rank_seconds_per_leaf", "How long a leaf takes a rank.", RankStatus::secondsPerLeaf);
        eachRank("xiaolu_rank_seconds_since_beat", "Since a rank last gave a sign of life.", RankStatus::secondsSinceBeat);
    }

    private void eachRank(String name, String help, Function<RankStatus, OptionalDouble> value) {
        var values = new TreeMap<Integer, Double>();             // by index: a process and its successor, for a moment, are one
        status.ranks().forEach(rank -> value.apply(rank).ifPresent(known -> values.put(rank.index(), known)));
        var builder = GaugeSnapshot.builder().name(name).help(help);
        values.forEach((index, known) -> builder.dataPoint(GaugeDataPointSnapshot.builder().labels(run.add("rank", Integer.toString(index))).value(known).build()));
        all.metricSnapshot(builder.build());
    }

    /// All since the launch began.
    private void faults() {
        var counts = new TreeMap<String, Long>();
        Fault.KINDS.forEach(kind -> counts.put(kind, 0L));
        var counted = new long[RECOVERY_BOUNDS.length];
        double sum = 0;
        for (Fault fault : status.faults()) {
            counts.merge(fault.kind(), 1L, Long::sum);
            if (fault.recoveredSeconds().isPresent()) {
                double took = fault.recoveredSeconds().getAsDouble();
                int bucket = 0;
                while (took > RECOVERY_BOUNDS[bucket]) {
                    bucket++;
                }
                counted[bucket]++;
                sum += took;
            }
        }
        var builder = CounterSnapshot.builder().name("xiaolu_faults").help("Losses of ranks, by what gave them away.");
        counts.forEach((kind, count) -> builder.dataPoint(CounterDataPointSnapshot.builder().labels(run.add("kind", kind)).value(count).build()));
        all.metricSnapshot(builder.build());
        all.metricSnapshot(HistogramSnapshot.builder().name("xiaolu_recovery_seconds").help("From a loss until the others computed on.")
                .dataPoint(HistogramDataPointSnapshot.builder().labels(run).classicHistogramBuckets(ClassicHistogramBuckets.of(RECOVERY_BOUNDS, counted)).sum(sum).build()).build());
    }

    private void gauge(String name, String help, OptionalDouble value) {
        if (value.isPresent()) {
            all.metricSnapshot(GaugeSnapshot.builder().name(name).help(help).dataPoint(GaugeDataPointSnapshot.builder().labels(run).value(value.getAsDouble()).build()).build());
        }
    }
}
