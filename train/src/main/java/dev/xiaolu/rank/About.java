package dev.xiaolu.rank;

import dev.xiaolu.nn.ParameterCount;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.RunData;
import dev.xiaolu.train.RunListener;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// What stands fixed about the model, as ranks tell it.
final class About {
    private About() {}

    /// As JSON.
    ///
    /// @param worker which worker the rank is; -1 where it is to be counted by the order of joining
    static String json(Replica replica, RunConfig config, Backend backend, int worker) {
        var training = replica.slot(0).made.training();
        ParameterCount count = training.model().parameterCount();
        return JsonMapper.shared().writeValueAsString(JsonMapper.shared().createObjectNode().put("worker", worker).put("counted", count.counted()).put("without", count.without()).put("all", count.all())
                .put("flops_per_token", 3 * training.flopsPerToken(config.train().sequenceLength())).put("backend", backend.describe())
                .putPOJO("terms", training.terms()));
    }

    /// Names of the losses that a step has beside that of the next token.
    static List<String> terms(String json) {
        return json.isEmpty() ? List.of() : JsonMapper.shared().readTree(json).path("terms").valueStream().map(JsonNode::asString).toList();
    }

    /// What a run's listeners are told before the first step.
    static RunListener.Prepared prepared(String json, long firstStep, RunConfig config, RunData data) {
        JsonNode about = JsonMapper.shared().readTree(json);
        var count = new ParameterCount(about.path("counted").asLong(), about.path("without").asString(), about.path("all").asLong());
        return new RunListener.Prepared(firstStep, config.train().steps(), count, about.path("flops_per_token").doubleValue(), data.trainingTokens(), data.description(),
                "%d workers, each %s".formatted(config.launch().workers(), about.path("backend").asString()));
    }
}
