package dev.xiaolu.train;

import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Text that the model wrote during training, as one line of `samples.jsonl`.
///
/// @param step   step after which it was written
/// @param prompt the beginning that was given
/// @param text   what the model wrote after it
public record DrawnSample(long step, String prompt, String text) {
    private static final JsonMapper MAPPER = JsonMapper.shared();

    /// One line of JSON, without the line end.
    public String json() {
        return MAPPER.writeValueAsString(MAPPER.createObjectNode().put("step", step).put("prompt", prompt).put("text", text));
    }

    static DrawnSample of(JsonNode line) {
        return new DrawnSample(line.path("step").asLong(0), line.path("prompt").asString(""), line.path("text").asString(""));
    }
}
