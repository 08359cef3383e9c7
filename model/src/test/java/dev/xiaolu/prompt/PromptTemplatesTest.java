package dev.xiaolu.prompt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PromptTemplatesTest {
    @TempDir Path folder;

    private static String tools(PromptTemplates templates) {
        var out = new Prompt.Builder();
        templates.tools(out, List.of("{\"name\": \"{dsml_token}\"}", "{}"));
        return out.build().text();
    }

    private String refused(String python) throws Exception {
        Files.createDirectories(folder.resolve("encoding"));
        Files.writeString(folder.resolve(PromptTemplates.FILE), python);
        PromptTemplates templates = PromptTemplates.load(Disk.real(), folder, StandIn.KNOWN);
        return assertThrows(InputException.class, () -> templates.highestEffort(new Prompt.Builder())).getMessage();
    }

    @Test void textsAreFoundByTheirHashAndFilled() throws Exception {
        PromptTemplates templates = StandIn.templates(folder);
        assertEquals("## Helpers\n\nAsk one with <｜DSML｜tool_calls>, after <think>…</think>. Braces: {}\n\n{\"name\": \"{dsml_token}\"}\n{}\n\nNo others \\ \"exist\".\n", tools(templates));
        var out = new Prompt.Builder();
        templates.responseFormat(out, "{\"a\": {}}");
        templates.highestEffort(out);
        assertEquals("Answer as this schema says:\n{\"a\": {}}Take your time.\n\n", out.build().text());
    }

    @Test void theFileThatIsMissingIsNamedWithWhatToDo() {
        String message = assertThrows(InputException.class, () -> tools(StandIn.none(folder))).getMessage();
        assertEquals(folder.resolve("encoding/encoding_dsv4.py") + ": wanted the file that ships beside the published weights, for its text on tools; found no such file;"
            + " copy it from the release of April 2026, or do without tools", message);
    }

    @Test void aTextOfOtherWordsDoesNotCount() throws Exception {
        String message = refused(StandIn.PYTHON.replace("Take ", "Take all "));
        assertTrue(message.contains("for its text on the highest effort; found a file with 7 texts of which none is the published one"), message);
        PromptTemplates templates = PromptTemplates.load(Disk.real(), folder, StandIn.KNOWN);
        assertTrue(tools(templates).startsWith("## Helpers"));                                  // the others still do
    }

    @Test void theHashesOfTheReleaseAreTheDefault() throws Exception {
        StandIn.templates(folder);
        assertThrows(InputException.class, () -> tools(PromptTemplates.load(Disk.real(), folder)));
        PromptTemplates.Known tools = PromptTemplates.PUBLISHED.get(PromptTemplates.Use.TOOLS);
        assertEquals(1075, tools.bytes());
        assertEquals("09b7269daaddbeaf11a3ed55c07b1846c35162b841d8b4301bbe0449879d1fd8", tools.sha256());
        assertEquals(3, PromptTemplates.PUBLISHED.size());
    }

    @Test void aFileThatIsBrokenOrHugeOrAFolderIsToldOnlyWhenItIsNeeded() throws Exception {
        assertTrue(refused("x = 'a").contains("found a file that cannot be read: encoding/encoding_dsv4.py: line 1"));
        assertTrue(refused("#".repeat((1 << 20) + 1)).contains("found a file of 1,048,577 bytes, more than the 1,048,576 that are read"));
        Files.delete(folder.resolve(PromptTemplates.FILE));
        Files.createDirectory(folder.resolve(PromptTemplates.FILE));
        PromptTemplates templates = PromptTemplates.load(Disk.real(), folder, StandIn.KNOWN);
        assertTrue(assertThrows(InputException.class, () -> templates.highestEffort(new Prompt.Builder())).getMessage().contains("found a folder"));
        assertEquals("<｜begin▁of▁sentence｜><｜User｜>hi<｜Assistant｜><think>", new PromptEncoder(templates).encode(List.of(Message.User.of("hi")), Thinking.HIGH).text());
    }

    @Test void aTextWithAFieldThatNobodyFillsIsRefused() throws Exception {
        String strange = "Schema {schema} and {other}";
        Files.createDirectories(folder.resolve("encoding"));
        Files.writeString(folder.resolve(PromptTemplates.FILE), "x = '" + strange + "'");
        PromptTemplates templates = PromptTemplates.load(Disk.real(), folder, Map.of(PromptTemplates.Use.RESPONSE_FORMAT, StandIn.known(strange)));
        assertTrue(assertThrows(InputException.class, () -> templates.responseFormat(new Prompt.Builder(), "{}")).getMessage().contains("has a field {other}"));
    }
}
