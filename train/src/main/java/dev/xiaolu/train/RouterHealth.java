package dev.xiaolu.train;

import dev.xiaolu.nn.RouterLoad;
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
        double entropies = 0;
        double violations = 0;
        double worst = 0;
        double lowest = Double.POSITIVE_INFINITY;
        double highest = Double.NEGATIVE_INFINITY;
        for (RouterLoad router : learned) {
            double violation = violation(router.load());
            entropies += entropy(router.load());
            violations += violation;
            worst = Math.max(worst, violation);
            for (float bias : router.bias()) {
                lowest = Math.min(lowest, bias);
                highest = Math.max(highest, bias);
            }
        }
        boolean none = learned.isEmpty();
        int count = learned.size();
        return Optional.of(new RouterHealth(load, entropies / count, violations / count, none ? Double.NaN : worst, routers.stream().mapToLong(RouterLoad::dropped).sum(),
                none ? Double.NaN : lowest, none ? Double.NaN : highest));
    }

    /// How far the busiest expert is above the mean, as a part of it.
    static double violation(List<Long> load) {
        long sum = load.stream().mapToLong(Long::longValue).sum();
        return sum == 0 ? 0 : load.stream().mapToLong(Long::longValue).max().orElse(0) * (double) load.size() / sum - 1;
    }

    /// Entropy of the shares, as a part of that of even ones.
    static double entropy(List<Long> load) {
        double sum = load.stream().mapToLong(Long::longValue).sum();
        double entropy = 0;
        for (long count : load) {
            entropy -= count == 0 ? 0 : count / sum * StrictMath.log(count / sum);
        }
        return load.size() < 2 ? 1 : entropy / StrictMath.log(load.size());
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
