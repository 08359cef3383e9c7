package dev.xiaolu.train;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.StringJoiner;
import tools.jackson.databind.JsonNode;

/// What is known about one step, as one line of `metrics.jsonl`. A number that is not finite is written as `null` and read as NaN.
///
/// @param step            number of the step, from 1
/// @param loss            mean cross-entropy of the batch, nats per token
/// @param learningRate    rate of the step
/// @param gradNorm        norm of the mean gradient before clipping
/// @param tokens          tokens trained on since step 1
/// @param tokensPerSecond tokens of this step over its time
/// @param mfu             floating-point operations of this step over what the machine can do in its time, 0 to 1; NaN where the peak is unknown
/// @param stepSeconds     time of this step
/// @param wallMillis      when it ended, milliseconds since 1970
/// @param validationLoss  cross-entropy on held-out sequences after this step, where it was looked at
/// @param bitsPerByte     bits for a byte of held-out text after this step, where it was looked at
/// @param digest          digest of the weights after this step, where it was taken
/// @param terms           other losses of the step by name, before their weights
/// @param routers         how evenly experts were used, in a model that has them
public record Metrics(long step, double loss, double learningRate, double gradNorm, long tokens, double tokensPerSecond, double mfu, double stepSeconds, long wallMillis,
        OptionalDouble validationLoss, OptionalDouble bitsPerByte, Optional<String> digest, Map<String, Double> terms, Optional<RouterHealth> routers) {
    public Metrics {
        terms = Collections.unmodifiableMap(new LinkedHashMap<>(terms));
    }

    /// A step of a model that has no other losses and no experts.
    public Metrics(long step, double loss, double learningRate, double gradNorm, long tokens, double tokensPerSecond, double mfu, double stepSeconds, long wallMillis,
            OptionalDouble validationLoss, OptionalDouble bitsPerByte, Optional<String> digest) {
        this(step, loss, learningRate, gradNorm, tokens, tokensPerSecond, mfu, stepSeconds, wallMillis, validationLoss, bitsPerByte, digest, Map.of(), Optional.empty());
    }

    /// One line of JSON, without the line end.
    public String json() {
        var out = new StringBuilder("{\"step\":").append(step);
        number(out, "loss", loss);
        number(out, "learning_rate", learningRate);
        number(out, "grad_norm", gradNorm);
        out.append(",\"tokens\":").append(tokens);
        number(out, "tokens_per_second", Math.round(tokensPerSecond * 10) / 10.0);
        number(out, "mfu", Double.isNaN(mfu) ? mfu : Math.round(mfu * 1e4) / 1e4);
        number(out, "step_seconds", Math.round(stepSeconds * 1e6) / 1e6);
        out.append(",\"wall_millis\":").append(wallMillis);
        validationLoss.ifPresent(value -> number(out, "validation_loss", value));
        bitsPerByte.ifPresent(value -> number(out, "bits_per_byte", value));
        digest.ifPresent(hex -> out.append(",\"digest\":\"").append(hex).append('"'));
        if (!terms.isEmpty()) {
            var all = new StringJoiner(",", "{", "}");
            terms.forEach((name, value) -> all.add("\"" + name + "\":" + number(value)));
            out.append(",\"terms\":").append(all);
        }
        routers.ifPresent(health -> out.append(",\"routers\":").append(health.json()));
        return out.append('}').toString();
    }

    /// Reads what [#json] wrote; a key that is missing is NaN, 0 or absent.
    static Metrics of(JsonNode line) {
        var terms = new LinkedHashMap<String, Double>();
        line.path("terms").properties().forEach(term -> terms.put(term.getKey(), number(line.path("terms"), term.getKey())));
        return new Metrics(line.path("step").asLong(0), number(line, "loss"), number(line, "learning_rate"), number(line, "grad_norm"), line.path("tokens").asLong(0),
                number(line, "tokens_per_second"), number(line, "mfu"), number(line, "step_seconds"), line.path("wall_millis").asLong(0), optional(line, "validation_loss"),
                optional(line, "bits_per_byte"), line.path("digest").isString() ? Optional.of(line.path("digest").stringValue()) : Optional.empty(), terms, RouterHealth.of(line.path("routers")));
    }

    private static void number(StringBuilder out, String name, double value) {
        out.append(",\"").append(name).append("\":").append(number(value));
    }

    /// A number as JSON has it.
    static String number(double value) {
        return Double.isFinite(value) ? Double.toString(value) : "null";
    }

    static double number(JsonNode line, String name) {
        JsonNode value = line.path(name);
        return value.isNumber() ? value.doubleValue() : Double.NaN;
    }

    private static OptionalDouble optional(JsonNode line, String name) {
        return line.path(name).isNumber() ? OptionalDouble.of(line.path(name).doubleValue()) : OptionalDouble.empty();
    }
}
