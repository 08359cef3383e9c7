package dev.xiaolu.nn;

import java.util.List;

/// What the router of one layer did in a step.
///
/// @param layer   the layer's name, for example `layers.3`
/// @param load    for each expert, how many tokens chose it
/// @param dropped choices that no expert worked on
/// @param bias    for each expert, what the choice was steered by; empty where experts are looked up
public record RouterLoad(String layer, List<Long> load, long dropped, List<Float> bias) {
    public RouterLoad {
        load = List.copyOf(load);
        bias = List.copyOf(bias);
    }
}
