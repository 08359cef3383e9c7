package dev.xiaolu.autograd;

import dev.xiaolu.tensor.Recycling;
import dev.xiaolu.tensor.Tensor;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Finds, on the way back over a tape, the memory that nobody will look at again, and gives it back: gradients that have been passed on, activations whose last entry has been walked, and whatever an operator's gradient needed in between.
///
/// Goes by blocks of memory and not by tensors, so that views of one block, and gradients that are passed on unchanged, keep it alive as long as one of them is needed.
/// What the tape did not see being made (inputs, parameters, constants) is never given back, nor are the seeds and their outputs.
final class Spent {
    private final Recycling recycling;
    private final Map<Long, Integer> uses = new HashMap<>();     // block → places in entries not yet walked
    private final Set<Long> made = new HashSet<>();              // blocks of outputs of entries
    private final Set<Long> kept = new HashSet<>();
    private Set<Long> gradients = new HashSet<>();
    private int seen;

    /// @param entries the tape, none of it walked
    /// @param seeds   what stays: read by the caller afterwards
    Spent(Recycling recycling, List<Tape.Entry> entries, List<Tape.Seed> seeds) {
        this.recycling = recycling;
        for (Tape.Entry entry : entries) {
            count(entry.inputs(), 1);
            count(entry.outputs(), 1);
            for (Tensor output : entry.outputs()) {
                made.add(recycling.blockOf(output));
            }
        }
        for (Tape.Seed seed : seeds) {
            kept.add(recycling.blockOf(seed.output()));
            kept.add(recycling.blockOf(seed.gradient()));
        }
        kept.add(-1L);
        seen = recycling.count();
    }

    private void count(Tensor[] tensors, int by) {
        for (Tensor tensor : tensors) {
            uses.merge(recycling.blockOf(tensor), by, Integer::sum);
        }
    }

    /// `entry` has been walked; `live` are the gradients that wait for entries before it.
    void walked(Tape.Entry entry, Collection<Tensor> live) {
        count(entry.inputs(), -1);
        count(entry.outputs(), -1);
        Set<Long> waiting = new HashSet<>();
        live.forEach(gradient -> waiting.add(recycling.blockOf(gradient)));
        Set<Long> ended = new HashSet<>(recycling.since(seen));
        ended.addAll(gradients);
        for (Tensor[] tensors : List.of(entry.inputs(), entry.outputs())) {
            for (Tensor tensor : tensors) {
                long block = recycling.blockOf(tensor);
                if (made.contains(block)) {
                    ended.add(block);
                }
            }
        }
        for (long block : ended) {
            if (!waiting.contains(block) && !kept.contains(block) && uses.getOrDefault(block, 0) == 0) {
                recycling.giveBack(block);
            }
        }
        gradients = waiting;
        seen = recycling.count();
    }
}
