package dev.xiaolu.prompt;

import dev.xiaolu.platform.InputException;
import dev.xiaolu.store.Json;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/// A call of a tool by the model.
///
/// @param id        the name under which its result comes back; empty for none
/// @param name      the tool
/// @param arguments its arguments, a JSON object by name
public record ToolCall(String id, String name, String arguments) {
    /// One argument as the model writes it.
    ///
    /// @param name   its name
    /// @param string whether the value is a text and stands there as it is; any other value is JSON
    /// @param value  the value
    record Parameter(String name, boolean string, String value) {
        static Parameter of(String name, JsonNode value) {
            return value.isString() ? new Parameter(name, true, value.stringValue()) : new Parameter(name, false, SpacedJson.of(value));
        }

        /// The value as JSON.
        String json() {
            return string ? SpacedJson.quoted(value) : value;
        }
    }

    /// The arguments one by one; what is no JSON object becomes one text called `arguments`.
    List<Parameter> parameters() {
        JsonNode object;
        try {
            object = Json.readObject("arguments", arguments.getBytes(StandardCharsets.UTF_8));
        } catch (InputException unparsable) {
            return List.of(new Parameter("arguments", true, arguments));
        }
        var parameters = new ArrayList<Parameter>();
        object.properties().forEach(entry -> parameters.add(Parameter.of(entry.getKey(), entry.getValue())));
        return parameters;
    }

    /// The call with these arguments.
    static ToolCall of(String name, List<Parameter> parameters) {
        return new ToolCall("", name, "{" + String.join(", ", parameters.stream().map(each -> SpacedJson.quoted(each.name()) + ": " + each.json()).toList()) + "}");
    }
}
