package dev.xiaolu.prompt;

import dev.xiaolu.platform.InputException;
import dev.xiaolu.tokenizer.AddedToken;
import dev.xiaolu.tokenizer.Encoder;
import dev.xiaolu.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// Prompts as token ids of one tokenizer, whose markers are found by name. One thread at a time.
///
/// Without names of tokens in its content the ids of a prompt are those of its text: structure and content that touch are merged as one text.
public final class PromptTokens {
    /// Markers that only some conversations need.
    private static final List<String> OPTIONAL = Stream.concat(Stream.of(Marker.EXTRACTED_URL), Arrays.stream(Task.values()).map(Task::marker)).toList();

    private final Tokenizer tokenizer;
    private final Encoder plain;
    private final Pattern names;

    /// For a tokenizer of the family; refuses one that lacks the tokens that every prompt may need.
    public PromptTokens(Tokenizer tokenizer) {
        List<String> missing = Marker.REQUIRED.stream().filter(name -> tokenizer.idOf(name).isEmpty()).toList();
        if (!missing.isEmpty()) {
            throw InputException.of("tokenizer: wanted the tokens of DeepSeek-V4's conversations, found none of the name %s; take the tokenizer.json that ships with the weights", String.join(" or ", missing));
        }
        this.tokenizer = tokenizer;
        plain = tokenizer.plainEncoder();
        names = Pattern.compile(tokenizer.addedTokens().stream().map(AddedToken::content).sorted(Comparator.comparingInt(String::length).reversed()).map(Pattern::quote).collect(Collectors.joining("|")));
    }

    /// Whether a tokenizer has the tokens of the family's conversations.
    public static boolean fits(Tokenizer tokenizer) {
        return Marker.REQUIRED.stream().allMatch(name -> tokenizer.idOf(name).isPresent());
    }

    /// Whether this token ends the model's turn.
    public boolean ends(int token) {
        return token == tokenizer.idOf(Marker.END).orElseThrow();
    }

    /// The ids of a prompt.
    public int[] of(Prompt prompt) {
        var ids = IntStream.builder();
        var text = new StringBuilder();                          // since the last marker
        for (Prompt.Part part : prompt.parts()) {
            if (!part.structure()) {
                text.append(part.text());
                continue;
            }
            checkMarkers(part.text());
            Matcher found = names.matcher(part.text());
            int from = 0;
            while (found.find()) {
                text.append(part.text(), from, found.start());
                flush(text, ids);
                ids.add(tokenizer.idOf(found.group()).orElseThrow());
                from = found.end();
            }
            text.append(part.text(), from, part.text().length());
        }
        flush(text, ids);
        return ids.build().toArray();
    }

    /// A marker that the tokenizer lacks would be spelled out in letters, which the model has never seen.
    private void checkMarkers(String structure) {
        for (String marker : OPTIONAL) {
            if (structure.contains(marker) && tokenizer.idOf(marker).isEmpty()) {
                throw InputException.of("tokenizer: wanted the token %s, found none of this name; take the tokenizer.json that ships with the weights, or do without the task", marker);
            }
        }
    }

    private void flush(StringBuilder text, IntStream.Builder ids) {
        if (!text.isEmpty()) {
            plain.encode(text.toString(), false);
            Arrays.stream(plain.ids()).forEach(ids);
            text.setLength(0);
        }
    }
}
