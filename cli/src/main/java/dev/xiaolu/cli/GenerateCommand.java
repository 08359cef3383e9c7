package dev.xiaolu.cli;

import dev.xiaolu.nn.LanguageModel;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.store.Json;
import dev.xiaolu.tokenizer.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// Lets a model go on writing a text.
@Command(name = "generate", header = {"Lets a model go on writing a text.", ""},
        footer = {"", "The same model, prompt, options and seed give the same text on every machine.", "",
            "Example:  ./xiaolu generate --model runs/llama-small --prompt 'public class' --max-tokens 200 --temperature 0.7 --top-p 0.95 --seed 1"})
final class GenerateCommand extends Action {
    @Option(names = "--model", paramLabel = "DIR", required = true, description = "Folder of a model, a checkpoint or a run.")
    private Path model;

    @Option(names = "--prompt", paramLabel = "TEXT", description = "The beginning of the text.")
    private String prompt;

    @Option(names = "--prompt-file", paramLabel = "FILE", description = "A file with the beginning of the text.")
    private Path promptFile;

    @Option(names = "--echo", description = "Prints the prompt before what the model writes.")
    private boolean echo;

    @Option(names = "--json", description = "Prints one JSON object: prompt, text, tokens, seconds, tokens_per_second; with --speculate also tokens_guessed and tokens_accepted.")
    private boolean json;

    @Mixin
    private Sampling sampling;

    @Mixin
    private Placement placement;

    @Mixin
    private Holding holding;

    GenerateCommand(Console console) {
        super(console);
    }

    @Override public Integer call() {
        if ((prompt == null) == (promptFile == null)) {
            throw new WrongUsage("wanted --prompt or --prompt-file, found " + (prompt == null ? "neither" : "both"));
        }
        String text = prompt != null ? prompt : new String(Disk.real().read(promptFile), StandardCharsets.UTF_8);
        int most = sampling.maxTokens();
        int drafts = sampling.drafts();
        var sampler = sampling.sampler();
        Path folder = ModelFolder.find(model, err());
        placement.run(arena -> {
            LanguageModel loaded = ModelFolder.load(folder, arena, holding);
            Tokenizer tokenizer = Tokenizer.load(folder);
            int[] tokens = beginning(tokenizer, text);
            LogitsCommand.check(prompt != null ? "--prompt" : "--prompt-file " + promptFile, tokens, loaded);
            try (var speaker = new Speaker(loaded, tokenizer, sampler, Math.min(loaded.contextLength(), tokens.length + most), drafts)) {
                speaker.feed(tokens);
                piece(echo ? text : "");
                print(text, speaker.speak(most, token -> token == tokenizer.eos().orElse(-1), () -> false, this::piece), speaker.length() == loaded.contextLength());
            }
            return null;
        });
        return DONE;
    }

    /// The tokens that a text begins with: its own, after the token that begins every text, which alone stands for an empty one.
    static int[] beginning(Tokenizer tokenizer, String text) {
        int[] tokens = tokenizer.encode(text, true);
        if (tokens.length == 0) {
            int first = tokenizer.bos().orElseGet(() -> tokenizer.eos().orElseThrow(() -> InputException.of("prompt: wanted a text, found an empty one, and this tokenizer has no token to begin with")));
            return new int[] {first};
        }
        return tokens;
    }

    private void piece(String piece) {
        if (!json) {
            out().print(piece);
            out().flush();
        }
    }

    private void print(String text, Speaker.Said said, boolean full) {
        if (json) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("prompt", text);
            object.put("text", said.text());
            object.put("tokens", said.tokens());
            object.put("seconds", said.seconds());
            object.put("tokens_per_second", said.tokens() / said.seconds());
            if (sampling.drafts() > 0) {
                object.put("tokens_guessed", said.guessed());
                object.put("tokens_accepted", said.stood());
            }
            out().writeBytes(Json.write(object));
            return;
        }
        out().println();
        out().flush();
        if (Tty.isTerminal(2)) {
            String accepted = sampling.drafts() > 0 ? "; %d of %d guesses accepted".formatted(said.stood(), said.guessed()) : "";
            err().printf(Locale.ROOT, "%d tokens, %.1f a second%s%s%n", said.tokens(), said.tokens() / said.seconds(), accepted, full ? "; the model's context is full" : "");
        }
    }
}
