/// Whole runs of up to a thousand ranks in one thread, from one seed: `docs/simulator.md`.
///
/// [dev.xiaolu.recover.Control], [dev.xiaolu.recover.Heartbeats], [dev.xiaolu.recover.Stragglers] and [dev.xiaolu.recover.HistoryCheck] are those of real runs. Start with [Simulation].
package dev.xiaolu.sim;
