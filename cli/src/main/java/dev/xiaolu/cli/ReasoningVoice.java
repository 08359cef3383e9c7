package dev.xiaolu.cli;

import dev.xiaolu.prompt.Completion;
import dev.xiaolu.prompt.CompletionParser;
import dev.xiaolu.prompt.ToolCall;
import java.util.Optional;

/// Shows what a model writes as it comes: reasoning dimmed on a terminal, and among the errors where the output goes to a file or a program, which then gets the answer alone.
final class ReasoningVoice implements CompletionParser.Listener {
    private static final String DIM = "\u001B[2m";
    private static final String PLAIN = "\u001B[0m";

    private final Console console;
    private final boolean terminal;
    private final boolean dimmed;
    private boolean reasons;

    ReasoningVoice(Console console) {
        this(console, console.in() == System.in && Tty.isTerminal(1));
    }

    ReasoningVoice(Console console, boolean terminal) {
        this.console = console;
        this.terminal = terminal;
        dimmed = terminal && Optional.ofNullable(System.getenv("NO_COLOR")).orElse("").isEmpty();
    }

    @Override public void reasoning(String piece) {
        if (!terminal) {
            console.err().print(piece);
            console.err().flush();
        } else {
            say((reasons ? "" : dimmed ? DIM : "(reasoning: ") + piece);
        }
        reasons = true;
    }

    @Override public void content(String piece) {
        endReasoning();
        say(piece);
    }

    @Override public void toolCall(ToolCall call) {
        endReasoning();
        say("%n[calls %s %s]".formatted(call.name(), call.arguments()));
    }

    /// Ends the answer with what else there is to say.
    void finish(Completion completion, boolean stopped) {
        endReasoning();
        say(completion.rest());
        say(stopped ? " (stopped)%n".formatted() : "%n".formatted());
        completion.fault().ifPresent(fault -> console.err().println("(" + fault + ")"));
    }

    private void endReasoning() {
        if (!reasons) {
            return;
        }
        reasons = false;
        if (terminal) {
            say((dimmed ? PLAIN : ")") + "%n%n".formatted());
        } else {
            console.err().println();
        }
    }

    private void say(String piece) {
        console.out().print(piece);
        console.out().flush();
    }
}
