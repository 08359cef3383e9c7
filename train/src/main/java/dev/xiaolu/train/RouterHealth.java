package dev.xiaolu.train;

import dev.xiaolu.nn.RouterLoad;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.StringJoiner;
import tools.jackson.databind.JsonNode;

/// How evenly the experts of a model are used in one step. Evenness and biases are those of learned routers: where experts are looked up by token, the text decides.
///
/// @param load          for each layer, how many tokens each expert was given
/// @param entropy       of a layer's load, as a part of that of an even one, mean over layers: 1 is even
/// @param meanViolation how far the busiest expert of a layer is above the mean load, as a part of it, mean over layers
/// @param maxViolation  the same in the worst layer
/// @param dropped       choices that no expert worked on, counted
/// @param lowestBias    the lowest bias of all routers
/// @param highestBias   the highest
public record RouterHealth(Map<String, List<Long>> load, double entropy, double meanViolation, double maxViolation, long dropped, double lowestBias, double highestBias) {
    /// What the routers of a step did; empty in a model without.
    static Optional<RouterHealth> of(List<RouterLoad> routers) {
        if (routers.isEmpty()) {
            return Optional.empty();
        }
        var load = new LinkedHashMap<String, List<Long>>();
        routers.forEach(router -> load.put(router.layer(), router.load()));
        List<RouterLoad> learned = routers.stream().filter(router -> !router.bias().isEmpty() && router.load().stream().anyMatch(count -> count > 0)).toList();
        double[] violations = learned.stream().mapToDouble(router -> violation(router.load())).toArray();
        List<Float> biases = learned.stream().flatMap(router -> router.bias().stream()).toList();
        return Optional.of(new RouterHealth(load, learned.stream().mapToDouble(router -> entropy(router.load())).average().orElse(Double.NaN),
                Arrays.stream(violations).average().orElse(Double.NaN), Arrays.stream(violations).max().orElse(Double.NaN),
                routers.stream().mapToLong(RouterLoad::dropped).sum(), biases.stream().mapToDouble(Float::doubleValue).min().orElse(Double.NaN),
                biases.stream().mapToDouble(Float::doubleValue).max().orElse(Double.NaN)));
    }

    /// How far the busiest expert is above the mean, as a part of it.
    static double violation(List<Long> load) {
        double mean = load.stream().mapToLong(Long::longValue).average().orElse(0);
        return mean == 0 ? 0 : load.stream().mapToLong(Long::longValue).max().orElse(0) / mean - 1;
    }

    /// Entropy of the shares, as a part of that of even ones.
    static double entropy(List<Long> load) {
        double sum = load.stream().mapToLong(Long::longValue).sum();
        double entropy = load.stream().filter(count -> count > 0).mapToDouble(count -> -count / sum * Math.log(count / sum)).sum();
        return load.size() < 2 ? 1 : entropy / Math.log(load.size());
    }

    /// A JSON object.
    String json() {
        var layers = new StringJoiner(",", "{", "}");
        load.forEach((layer, counts) -> layers.add("\"" + layer + "\":" + counts.toString().replace(" ", "")));
        return "{\"entropy\":%s,\"mean_violation\":%s,\"max_violation\":%s,\"dropped\":%d,\"lowest_bias\":%s,\"highest_bias\":%s,\"load\":%s}".formatted(
                Metrics.number(entropy), Metrics.number(meanViolation), Metrics.number(maxViolation), dropped, Metrics.number(lowestBias), Metrics.number(highestBias), layers);
    }

    /// Reads what [#json] wrote; empty where there is none.
    static Optional<RouterHealth> of(JsonNode node) {
        if (!node.isObject()) {
            return Optional.empty();
        }
        var load = new LinkedHashMap<String, List<Long>>();
        node.path("load").properties().forEach(layer -> load.put(layer.getKey(), layer.getValue().valueStream().map(JsonNode::asLong).toList()));
        return Optional.of(new RouterHealth(load, Metrics.number(node, "entropy"), Metrics.number(node, "mean_violation"), Metrics.number(node, "max_violation"), node.path("dropped").asLong(0),
                Metrics.number(node, "lowest_bias"), Metrics.number(node, "highest_bias")));
    }
}
