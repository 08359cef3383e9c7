package dev.xiaolu.prompt;

import java.util.List;

/// Names of the tokens that structure a prompt. Their ids are those of the tokenizer at hand; published ones give 0 and 1 to the first two and 128,803 and more to the others.
final class Marker {
    static final String BEGIN = "<｜begin▁of▁sentence｜>";
    static final String END = "<｜end▁of▁sentence｜>";
    static final String USER = "<｜User｜>";
    static final String ASSISTANT = "<｜Assistant｜>";
    static final String THINK = "<think>";
    static final String THOUGHT = "</think>";
    static final String DSML = "｜DSML｜";
    static final String REMINDER = "<｜latest_reminder｜>";
    static final String EXTRACTED_URL = "<｜extracted_url｜>";

    /// Those without which a tokenizer is not of this family.
    static final List<String> REQUIRED = List.of(BEGIN, END, USER, ASSISTANT, THINK, THOUGHT, DSML, REMINDER);

    /// What begins a block of tool calls, up to the `>` of its tag.
    static final String CALLS = "\n\n<" + DSML + "tool_calls";
    static final String CALLS_END = "</" + DSML + "tool_calls>";
    static final String INVOKE = "<" + DSML + "invoke";
    static final String INVOKE_END = "</" + DSML + "invoke";
    static final String PARAMETER = "<" + DSML + "parameter";
    static final String PARAMETER_END = "</" + DSML + "parameter";

    private Marker() {}
}
