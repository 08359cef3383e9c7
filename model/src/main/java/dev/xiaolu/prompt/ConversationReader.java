package dev.xiaolu.prompt;

import dev.xiaolu.platform.InputException;
import dev.xiaolu.store.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.StringJoiner;
import tools.jackson.databind.JsonNode;

/// Reads conversations in the JSON that chat programs pass around: a list of messages, or an object with `messages` and, for the first of them, `tools` and
/// `response_format`. A key that is not known is refused, since the message may mean something by it.
public final class ConversationReader {
    private final String subject;

    private ConversationReader(String subject) {
        this.subject = subject;
    }

    /// The messages of a file; `subject` opens the message when it cannot be read.
    public static List<Message> read(String subject, byte[] json) {
        JsonNode root = Json.read(subject, json);
        var reader = new ConversationReader(subject);
        if (root.isArray()) {
            return reader.messages("", root);
        }
        if (!root.isObject() || !root.path("messages").isArray()) {
            throw InputException.of("%s: wanted a list of messages, or an object with the list 'messages', found %s", subject, root.isObject() ? "an object without it" : shown(root));
        }
        reader.refuseOthers(root, "", Set.of("messages", "tools", "response_format"));
        List<Message> messages = reader.messages("messages", root.get("messages"));
        List<String> tools = reader.tools(root, "");
        Optional<String> format = reader.format(root, "");
        return tools.isEmpty() && format.isEmpty() ? messages : reader.tell(messages, tools, format);
    }

    /// Tools and format go to the message that tells the model all else, which is made where there is none.
    private List<Message> tell(List<Message> messages, List<String> tools, Optional<String> format) {
        var told = new ArrayList<>(messages);
        if (!messages.isEmpty() && messages.getFirst() instanceof Message.System system) {
            if (!system.tools().isEmpty() && !tools.isEmpty() || system.responseFormat().isPresent() && format.isPresent()) {
                throw InputException.of("%s: tools or response_format stand both in messages[0] and beside the messages, wanted one of them", subject);
            }
            told.set(0, new Message.System(system.content(), tools.isEmpty() ? system.tools() : tools, format.isPresent() ? format : system.responseFormat()));
        } else {
            told.addFirst(new Message.System("", tools, format));
        }
        return told;
    }

    private List<Message> messages(String path, JsonNode list) {
        var messages = new ArrayList<Message>();
        for (JsonNode message : list) {
            String at = "%s[%d]".formatted(path.isEmpty() ? "message " : path, messages.size());
            if (!message.isObject()) {
                throw InputException.of("%s: %s is %s, wanted an object", subject, at, shown(message));
            }
            messages.add(message(at + ".", message));
        }
        return messages;
    }

    private Message message(String at, JsonNode message) {
        String role = text(message, at, "role", true);
        Set<String> keys = switch (role) {
            case "system" -> Set.of("content", "tools", "response_format");
            case "user" -> Set.of("content", "task", "extracted_url");
            case "developer" -> Set.of("content", "task", "tools", "response_format");
            case "latest_reminder" -> Set.of("content");
            case "tool" -> Set.of("content", "tool_call_id", "name");
            case "assistant" -> Set.of("content", "reasoning_content", "reasoning", "tool_calls", "wo_eos", "task");
            default -> throw InputException.of("%s: %srole is '%s', wanted system, user, assistant, tool, developer or latest_reminder", subject, at, role);
        };
        refuseOthers(message, at, keys);
        String content = content(message, at, !role.equals("assistant"));
        return switch (role) {
            case "system" -> new Message.System(content, tools(message, at), format(message, at));
            case "user" -> new Message.User(content, text(message, at, "extracted_url", false), task(message, at));
            case "developer" -> new Message.Developer(content, tools(message, at), format(message, at), task(message, at));
            case "latest_reminder" -> new Message.Reminder(content);
            case "tool" -> new Message.ToolResult(text(message, at, "tool_call_id", false), content);
            default -> new Message.Assistant(text(message, at, message.has("reasoning_content") ? "reasoning_content" : "reasoning", false), content, calls(message, at), message.path("wo_eos").asBoolean(false), task(message, at));
        };
    }

    /// A text, or a list of texts, which are joined with an empty line between them.
    private String content(JsonNode message, String at, boolean required) {
        JsonNode content = message.path("content");
        if (!content.isArray()) {
            return text(message, at, "content", required);
        }
        var joined = new StringJoiner("\n\n");
        for (JsonNode part : content) {
            if (!part.path("type").asString("").equals("text") || !part.path("text").isString()) {
                throw InputException.of("%s: %scontent has a part %s, wanted {\"type\": \"text\", \"text\": …}", subject, at, shown(part));
            }
            joined.add(part.get("text").stringValue());
        }
        return joined.toString();
    }

    private List<String> tools(JsonNode holder, String at) {
        var tools = new ArrayList<String>();
        for (JsonNode tool : list(holder, at, "tools")) {
            if (!tool.path("function").isObject()) {
                throw InputException.of("%s: %stools[%d] is %s, wanted an object with 'function'", subject, at, tools.size(), shown(tool));
            }
            tools.add(SpacedJson.of(tool.get("function")));
        }
        return tools;
    }

    private Optional<String> format(JsonNode holder, String at) {
        if (!holder.hasNonNull("response_format")) {
            return Optional.empty();
        }
        if (!holder.get("response_format").isObject()) {
            throw InputException.of("%s: %sresponse_format is %s, wanted an object", subject, at, shown(holder.get("response_format")));
        }
        return Optional.of(SpacedJson.of(holder.get("response_format")));
    }

    private List<ToolCall> calls(JsonNode message, String at) {
        var calls = new ArrayList<ToolCall>();
        for (JsonNode call : list(message, at, "tool_calls")) {
            JsonNode function = call.path("function");
            JsonNode arguments = function.path("arguments");
            if (!function.path("name").isString() || !arguments.isString() && !arguments.isObject()) {
                throw InputException.of("%s: %stool_calls[%d] is %s, wanted an object with function.name and function.arguments", subject, at, calls.size(), shown(call));
            }
            calls.add(new ToolCall(text(call, "%stool_calls[%d].".formatted(at, calls.size()), "id", false), function.get("name").stringValue(), arguments.isString() ? arguments.stringValue() : SpacedJson.of(arguments)));
        }
        return calls;
    }

    private JsonNode list(JsonNode holder, String at, String key) {
        JsonNode list = holder.path(key);
        if (!list.isArray() && holder.hasNonNull(key)) {
            throw InputException.of("%s: %s%s is %s, wanted a list", subject, at, key, shown(list));
        }
        return list;
    }

    private Optional<Task> task(JsonNode message, String at) {
        String task = text(message, at, "task", false);
        return task.isEmpty() ? Optional.empty() : Optional.of(Task.of("%s: %stask".formatted(subject, at), task));
    }

    private String text(JsonNode holder, String at, String key, boolean required) {
        JsonNode value = holder.path(key);
        if (value.isString()) {
            return value.stringValue();
        }
        if (required || holder.hasNonNull(key)) {
            throw InputException.of("%s: %s%s is %s, wanted a text", subject, at, key, holder.hasNonNull(key) ? shown(value) : "missing");
        }
        return "";
    }

    private void refuseOthers(JsonNode object, String at, Set<String> known) {
        for (String key : object.propertyNames()) {
            if (!known.contains(key) && !key.equals("role") && !key.equals("mask")) {                // a mask is for training
                throw InputException.of("%s: the key %s%s is not known, wanted %s", subject, at, key, String.join(", ", known.stream().sorted().toList()));
            }
        }
    }

    private static String shown(JsonNode node) {
        String text = node.isMissingNode() ? "nothing" : node.toString();
        return text.length() > 60 ? text.substring(0, 60) + "…" : text;
    }
}
