package dev.xiaolu.cli;

import dev.xiaolu.nn.LanguageModel;
import dev.xiaolu.tokenizer.Tokenizer;
import dev.xiaolu.train.HomePath;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// A conversation with a model.
@Command(name = "chat", header = {"Talks with a model: line editing, history, Ctrl+C stops an answer, Ctrl+D ends.", ""},
        footer = {"", "A model that was taught to converse in ChatML, as Llama 3 or as DeepSeek-V4 is spoken to so; any other goes on writing your text.",
            "DeepSeek-V4's reasoning is dimmed; where the output is no terminal, it goes to the errors and the answer alone to the output.", "In the conversation /new begins anew and /exit ends.", "",
            "Examples:  ./xiaolu chat --model runs/llama-small", "           ./xiaolu chat --model DeepSeek-V4-Flash --thinking high --temperature 1 --top-p 1"})
final class ChatCommand extends Action {
    @Option(names = "--model", paramLabel = "DIR", required = true, description = "Folder of a model, a checkpoint or a run.")
    private Path model;

    @Option(names = "--system", paramLabel = "TEXT", defaultValue = "", description = "What the model is told first, where its form has a place for it.")
    private String system;

    @Mixin
    private ThinkingOption thinking;

    @Mixin
    private Sampling sampling;

    @Mixin
    private Placement placement;

    @Mixin
    private Holding holding;

    /// Where what a person types comes from.
    @FunctionalInterface
    interface Lines {
        /// The next line; null at the end.
        String next();
    }

    private final AtomicBoolean stopped = new AtomicBoolean();

    ChatCommand(Console console) {
        super(console);
    }

    @Override public Integer call() throws IOException {
        sampling.maxTokens();
        sampling.sampler();
        thinking.level();
        sampling.drafts();
        Path folder = ModelFolder.find(model, err());
        if (!(console().in() == System.in && Tty.isTerminal(1) && System.console() != null && System.console().isTerminal())) {
            var lines = new BufferedReader(new InputStreamReader(console().in(), StandardCharsets.UTF_8));
            return talk(folder, () -> read(lines));
        }
        try (Terminal terminal = TerminalBuilder.builder().system(true).build()) {
            LineReader reader = LineReaderBuilder.builder().terminal(terminal).appName("xiaolu").variable(LineReader.HISTORY_FILE, history()).option(LineReader.Option.DISABLE_EVENT_EXPANSION, true).build();
            terminal.handle(Terminal.Signal.INT, _ -> stopped.set(true));
            return talk(folder, () -> read(reader));
        }
    }

    private int talk(Path folder, Lines lines) {
        Tokenizer tokenizer = Tokenizer.load(folder);
        if (PromptedChat.fits(folder, tokenizer)) {
            return prompted(folder, new PromptedChat(console(), folder, tokenizer, thinking.level(), sampling), lines);
        }
        if (thinking.given()) {
            throw WrongUsage.of("--thinking is given, and %s is not spoken to as DeepSeek-V4 is; wanted a model of that family with its tokenizer, or no --thinking", folder);
        }
        return placement.run(arena -> {
            LanguageModel loaded = ModelFolder.load(folder, arena, holding);
            ChatForm form = ChatForm.of(folder, tokenizer);
            err().printf("%s: %s; %s. /new begins anew, /exit ends.%n", folder, loaded.parameterCount().words(), form.words());
            while (conversation(loaded, tokenizer, form, lines)) {
                err().println("(a new conversation)");
            }
            return DONE;
        });
    }

    private int prompted(Path folder, PromptedChat chat, Lines lines) {
        return placement.run(arena -> {
            LanguageModel loaded = ModelFolder.load(folder, arena, holding);
            err().printf("%s: %s; %s. /new begins anew, /exit ends.%n", folder, loaded.parameterCount().words(), chat.words());
            while (chat.talk(loaded, system, () -> next(lines), stopped::get)) {
                err().println("(a new conversation)");
            }
            return DONE;
        });
    }

    /// The next line; from then on nothing is stopped.
    private String next(Lines lines) {
        String line = lines.next();
        stopped.set(false);
        return line;
    }

    /// One conversation; whether another follows.
    private boolean conversation(LanguageModel loaded, Tokenizer tokenizer, ChatForm form, Lines lines) {
        try (var speaker = new Speaker(loaded, tokenizer, sampling.sampler(), loaded.contextLength(), sampling.drafts())) {
            boolean first = true;
            for (String line = lines.next(); line != null && !line.strip().equals("/exit"); line = lines.next()) {
                if (line.strip().equals("/new")) {
                    return true;
                }
                int[] turn = form.turn(tokenizer, first ? system : "", line, first);
                if (speaker.length() + turn.length >= loaded.contextLength()) {
                    err().printf("(the model's context of %d tokens is full)%n", loaded.contextLength());
                    return true;
                }
                if (turn.length > 0) {
                    first = false;
                    stopped.set(false);
                    speaker.feed(turn);
                    speaker.speak(sampling.maxTokens(), token -> form.ends(tokenizer, token), stopped::get, this::piece);
                    out().println(stopped.get() ? " (stopped)" : "");
                    out().flush();
                }
            }
            return false;
        }
    }

    private void piece(String piece) {
        out().print(piece);
        out().flush();
    }

    private String read(LineReader reader) {
        while (true) {
            try {
                return reader.readLine("> ");
            } catch (UserInterruptException emptied) {
                err().println("(Ctrl+D or /exit ends)");
            } catch (EndOfFileException end) {
                return null;
            }
        }
    }

    private static String read(BufferedReader lines) {
        try {
            return lines.readLine();
        } catch (IOException broken) {
            throw new UncheckedIOException(broken);
        }
    }

    private static Path history() {
        return HomePath.of("~/.xiaolu_history");
    }
}
