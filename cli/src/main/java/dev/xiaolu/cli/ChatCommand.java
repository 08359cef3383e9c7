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
import java.util.function.Supplier;
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
        footer = {"", "A model that was taught to converse in ChatML or as LanguageModel 3 is spoken to so; any other goes on writing your text.", "In the conversation /new begins anew and /exit ends.", "",
            "Example:  ./xiaolu chat --model runs/llama-small"})
final class ChatCommand extends Action {
    @Option(names = "--model", paramLabel = "DIR", required = true, description = "Folder of a model, a checkpoint or a run.")
    private Path model;

    @Option(names = "--system", paramLabel = "TEXT", defaultValue = "", description = "What the model is told first, where its form has a place for it.")
    private String system;

    @Mixin
    private Sampling sampling;

    @Mixin
    private Placement placement;

    private final AtomicBoolean stopped = new AtomicBoolean();

    ChatCommand(Console console) {
        super(console);
    }

    @Override public Integer call() throws IOException {
        sampling.maxTokens();
        sampling.sampler();
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

    private int talk(Path folder, Supplier<String> lines) {
        return placement.run(arena -> {
            LanguageModel loaded = ModelFolder.load(folder, arena);
            Tokenizer tokenizer = Tokenizer.load(folder);
            ChatForm form = ChatForm.of(folder, tokenizer);
            err().printf("%s, %,d parameters, %s. /new begins anew, /exit ends.%n", folder, loaded.parameters().count(), form.words());
            while (conversation(loaded, tokenizer, form, lines)) {
                err().println("(a new conversation)");
            }
            return DONE;
        });
    }

    /// One conversation; whether another follows.
    private boolean conversation(LanguageModel loaded, Tokenizer tokenizer, ChatForm form, Supplier<String> lines) {
        try (var speaker = new Speaker(loaded, tokenizer, sampling.sampler(), loaded.contextLength(), sampling.drafts())) {
            boolean first = true;
            for (String line = lines.get(); line != null && !line.strip().equals("/exit"); line = lines.get()) {
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
