package dev.xiaolu.prompt;

import dev.xiaolu.platform.InputException;
import java.util.List;
import java.util.Optional;

/// Conversations in the form that DeepSeek-V4 models were taught (release of April 2026). Immutable.
///
/// A prompt begins with the marker of texts; each turn follows in its form, and where the model is to go on stand its marker and `<think>` or `</think>`, which say
/// whether it reasons first. What it reasoned before the last turn of a person is left out, unless tools are defined: then every step of the work counts.
///
/// Departures from the published encoder, both where that one loses something: names of tokens inside content stay letters when tokens are made ([PromptTokens]),
/// and a task on a message that joins the one before it is asked.
public final class PromptEncoder {
    private final PromptTemplates templates;

    /// An encoder that takes the long texts from `templates`.
    public PromptEncoder(PromptTemplates templates) {
        this.templates = templates;
    }

    /// The prompt of a conversation, with earlier reasoning left out where the model was taught so.
    public Prompt encode(List<Message> messages, Thinking thinking) {
        return encode(messages, thinking, true);
    }

    /// The prompt of a conversation; `dropReasoning` allows that earlier reasoning is left out.
    public Prompt encode(List<Message> messages, Thinking thinking, boolean dropReasoning) {
        if (messages.isEmpty()) {
            throw InputException.of("conversation: wanted at least one message, found none");
        }
        List<Turn> turns = Turn.of(messages);
        boolean drops = dropReasoning && turns.stream().allMatch(turn -> turn.tools().isEmpty());
        if (drops && thinking.on()) {
            int last = lastQuestion(turns);
            List<Turn> all = turns;
            turns = java.util.stream.IntStream.range(0, all.size()).filter(i -> i >= last || !(all.get(i).first() instanceof Message.Developer)).mapToObj(all::get).toList();
        }
        return new Writing(turns, thinking, drops).write();
    }

    /// Index of the last turn to which the model answers, -1 for none.
    private static int lastQuestion(List<Turn> turns) {
        int last = turns.size() - 1;
        while (last >= 0 && !turns.get(last).asks()) {
            last--;
        }
        return last;
    }

    /// One prompt under way.
    private final class Writing {
        private final List<Turn> turns;
        private final Thinking thinking;
        private final boolean drops;
        private final int lastQuestion;
        private final Prompt.Builder out = new Prompt.Builder();

        Writing(List<Turn> turns, Thinking thinking, boolean drops) {
            this.turns = turns;
            this.thinking = thinking;
            this.drops = drops;
            lastQuestion = lastQuestion(turns);
        }

        Prompt write() {
            out.structure(Marker.BEGIN);
            if (thinking == Thinking.MAX) {
                templates.highestEffort(out);
            }
            for (int i = 0; i < turns.size(); i++) {
                turn(i);
                if (i + 1 == turns.size() || turns.get(i + 1).first() instanceof Message.Assistant || turns.get(i + 1).first() instanceof Message.Reminder) {
                    transition(i);
                }
            }
            return out.build();
        }

        private void turn(int index) {
            switch (turns.get(index).first()) {
                case Message.System system -> {
                    out.content(system.content());
                    told(system.tools(), system.responseFormat());
                }
                case Message.Developer developer -> {
                    out.structure(Marker.USER).content(developer.content());
                    told(developer.tools(), developer.responseFormat());
                }
                case Message.Reminder reminder -> out.structure(Marker.REMINDER).content(reminder.content());
                case Message.Assistant assistant -> {
                    boolean reasoned = thinking.on() && (index == 0 || turns.get(index - 1).task().isEmpty()) && (!drops || index > lastQuestion);
                    if (reasoned) {
                        out.content(assistant.reasoning()).structure(Marker.THOUGHT);
                    }
                    out.content(assistant.content());
                    calls(assistant.toolCalls());
                    out.structure(assistant.open() ? "" : Marker.END);
                }
                case Message.User _, Message.ToolResult _ -> user(turns.get(index).parts());
            }
        }

        private void told(List<String> tools, Optional<String> responseFormat) {
            if (!tools.isEmpty()) {
                out.structure("\n\n");
                templates.tools(out, tools);
            }
            responseFormat.ifPresent(schema -> {
                out.structure("\n\n");
                templates.responseFormat(out, schema);
            });
        }

        private void user(List<Message> parts) {
            out.structure(Marker.USER);
            for (int i = 0; i < parts.size(); i++) {
                out.structure(i == 0 ? "" : "\n\n");
                if (parts.get(i) instanceof Message.ToolResult result) {
                    out.structure("<tool_result>").content(result.content()).structure("</tool_result>");
                } else if (parts.get(i) instanceof Message.User user) {
                    out.content(user.content());
                    if (!user.extractedUrl().isEmpty()) {
                        out.structure(Marker.EXTRACTED_URL).content(user.extractedUrl());
                    }
                }
            }
        }

        private void calls(List<ToolCall> calls) {
            if (calls.isEmpty()) {
                return;
            }
            out.structure(Marker.CALLS + ">\n");
            for (ToolCall call : calls) {
                out.structure(Marker.INVOKE + " name=\"").content(call.name()).structure("\">\n");
                List<ToolCall.Parameter> parameters = call.parameters();
                for (int i = 0; i < parameters.size(); i++) {
                    ToolCall.Parameter each = parameters.get(i);
                    out.structure((i == 0 ? "" : "\n") + Marker.PARAMETER + " name=\"").content(each.name()).structure("\" string=\"" + each.string() + "\">").content(each.value())
                        .structure(Marker.PARAMETER_END + ">");
                }
                out.structure("\n" + Marker.INVOKE_END + ">\n");
            }
            out.structure(Marker.CALLS_END);
        }

        /// What stands where the model goes on.
        private void transition(int index) {
            Optional<Task> task = turns.get(index).task();
            if (task.isPresent()) {
                if (task.get() == Task.ACTION) {
                    out.structure(Marker.ASSISTANT + (thinking.on() ? Marker.THINK : Marker.THOUGHT));
                }
                out.structure(task.get().marker());
            } else if (turns.get(index).asks()) {
                out.structure(Marker.ASSISTANT + (thinking.on() && (!drops || index >= lastQuestion) ? Marker.THINK : Marker.THOUGHT));
            }
        }
    }
}
