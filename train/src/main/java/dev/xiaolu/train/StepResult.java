package dev.xiaolu.train;

import dev.xiaolu.nn.RouterLoad;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// What one step did.
///
/// @param step         number of the step, from 1
/// @param loss         mean cross-entropy of the batch before the update, nats per token
/// @param terms        other losses that the step made smaller, by name, each before its weight
/// @param gradNorm     norm of the mean gradient before clipping
/// @param learningRate rate of the step
/// @param tokens       tokens trained on
/// @param routers      what the routers of experts did, layer by layer; none in a model without
/// @param updated      whether parameters changed: not where the loss or a gradient was no finite number
public record StepResult(long step, double loss, Map<String, Double> terms, double gradNorm, double learningRate, long tokens, List<RouterLoad> routers, boolean updated) {
    /// As one line of JSON, for a step whose numbers are finite; equal results give equal lines.
    public String json() {
        ObjectNode out = JsonMapper.shared().createObjectNode();
        out.put("step", step).put("loss", loss).put("grad_norm", gradNorm).put("learning_rate", learningRate).put("tokens", tokens).put("updated", updated);
        ObjectNode others = out.putObject("terms");
        terms.forEach(others::put);
        var layers = out.putArray("routers");
        for (RouterLoad router : routers) {
            ObjectNode layer = layers.addObject().put("layer", router.layer()).put("dropped", router.dropped());
            router.load().forEach(layer.putArray("load")::add);
            router.bias().forEach(layer.putArray("bias")::add);
        }
        return JsonMapper.shared().writeValueAsString(out);
    }

    /// Reads what [#json] wrote.
    public static StepResult of(String json) {
        JsonNode in = JsonMapper.shared().readTree(json);
        var terms = new LinkedHashMap<String, Double>();
        in.path("terms").properties().forEach(term -> terms.put(term.getKey(), term.getValue().doubleValue()));
        var routers = new ArrayList<RouterLoad>();
        in.path("routers").forEach(layer -> routers.add(new RouterLoad(layer.path("layer").asString(), layer.path("load").valueStream().map(JsonNode::asLong).toList(), layer.path("dropped").asLong(),
                layer.path("bias").valueStream().map(JsonNode::floatValue).toList())));
        return new StepResult(in.path("step").asLong(), in.path("loss").doubleValue(), terms, in.path("grad_norm").doubleValue(), in.path("learning_rate").doubleValue(), in.path("tokens").asLong(),
                routers, in.path("updated").asBoolean());
    }
}
