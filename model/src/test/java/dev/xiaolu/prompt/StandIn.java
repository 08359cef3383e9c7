package dev.xiaolu.prompt;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.store.Sha256;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/// A file of templates of our own in the place of the published one, and how its texts are known.
final class StandIn {
    static final String TOOLS = "## Helpers\n\nAsk one with <{dsml_token}tool_calls>, after {thinking_start_token}…{thinking_end_token}. Braces: {{}}\n\n{tool_schemas}\n\nNo others \\ \"exist\".\n";
    static final String FORMAT = "Answer as this schema says:\n{schema}";
    static final String EFFORT = "Take your time.\n\n";

    static final Map<PromptTemplates.Use, PromptTemplates.Known> KNOWN = Map.of(
        PromptTemplates.Use.TOOLS, known(TOOLS), PromptTemplates.Use.RESPONSE_FORMAT, known(FORMAT), PromptTemplates.Use.HIGHEST_EFFORT, known(EFFORT));

    static final String PYTHON = """
        # a comment with 'quotes" and {braces
        import json
        token: str = "<x>"
        def greet(name: str = 'you') -> str:
            '''Says "hello".'''
            return f"hello {name + f'{"deep"}'} {{and}} {name!r:>{10}}" 'tail'
        FORMAT = (
            "Answer as this"   # the first half
            ' schema says:\\n{schema}'
        )
        TOOLS = \"""## Helpers

        Ask one with <{dsml_token}tool_calls>, after {thinking_start_token}\\u2026{thinking_end_token}. Braces: {{}}

        {tool_schemas}

        No others \\\\ "exist\\".
        \"""
        RAW, BYTES = r'\\d+\\'', b"\\xff"
        EFFORT = ("Take " "your time.\\n"
            "\\n"
        )
        """;

    private StandIn() {}

    static PromptTemplates.Known known(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        return new PromptTemplates.Known(utf8.length, Sha256.hex(utf8));
    }

    /// The templates of a folder in which the file lies.
    static PromptTemplates templates(Path folder) throws java.io.IOException {
        Files.createDirectories(folder.resolve("encoding"));
        Files.writeString(folder.resolve(PromptTemplates.FILE), PYTHON);
        return PromptTemplates.load(Disk.real(), folder, KNOWN);
    }

    /// The templates of a folder without the file.
    static PromptTemplates none(Path folder) {
        return PromptTemplates.load(Disk.real(), folder, KNOWN);
    }
}
