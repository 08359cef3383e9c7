package dev.xiaolu.cli;

import dev.xiaolu.nn.LanguageModel;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.prompt.Completion;
import dev.xiaolu.prompt.CompletionParser;
import dev.xiaolu.prompt.Message;
import dev.xiaolu.prompt.PromptEncoder;
import dev.xiaolu.prompt.PromptTemplates;
import dev.xiaolu.prompt.PromptTokens;
import dev.xiaolu.prompt.Thinking;
import dev.xiaolu.tokenizer.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;

/// Conversations with a model of the DeepSeek-V4 family, in the form it was taught, with its reasoning set apart.
///
/// The whole conversation is encoded anew for each turn, as earlier reasoning is left out then. Where it goes on from what the cache holds, only the rest is read;
/// else the cache is filled anew.
final class PromptedChat {
    private final Console console;
    private final Tokenizer tokenizer;
    private final PromptTokens tokens;
    private final PromptEncoder encoder;
    private final Thinking thinking;
    private final Sampling sampling;
    private final List<Integer> context = new ArrayList<>();         // what the speaker has read and said
    private boolean ended;

    /// For the tokenizer in a folder; refuses a level whose text the folder lacks.
    PromptedChat(Console console, Path folder, Tokenizer tokenizer, Thinking thinking, Sampling sampling) {
        this.console = console;
        this.tokenizer = tokenizer;
        this.thinking = thinking;
        this.sampling = sampling;
        tokens = new PromptTokens(tokenizer);
        encoder = new PromptEncoder(PromptTemplates.load(Disk.real(), folder));
        encoder.encode(List.of(Message.User.of("")), thinking);
    }

    /// Whether a model is spoken to so.
    static boolean fits(Path folder, Tokenizer tokenizer) {
        return ModelFolder.Family.of(folder) == ModelFolder.Family.DEEPSEEK_V4 && PromptTokens.fits(tokenizer);
    }

    /// What this form means, for people.
    String words() {
        return "spoken to as DeepSeek-V4 is, " + switch (thinking) {
            case OFF -> "answers at once";
            case HIGH -> "reasons first";
            case MAX -> "reasons first with the highest effort";
        };
    }

    /// One conversation; whether another follows.
    boolean talk(LanguageModel model, String system, ChatCommand.Lines lines, BooleanSupplier stopped) {
        List<Message> messages = new ArrayList<>(system.isEmpty() ? List.of() : List.of(Message.System.of(system)));
        Speaker speaker = null;
        try {
            for (String line = lines.next(); line != null && !line.strip().equals("/exit"); line = lines.next()) {
                if (line.strip().equals("/new")) {
                    return true;
                }
                if (line.isBlank()) {
                    continue;
                }
                messages.add(Message.User.of(line));
                int[] prompt = tokens.of(encoder.encode(messages, thinking));
                if (prompt.length >= model.contextLength()) {
                    console.err().printf("(the model's context of %d tokens is full)%n", model.contextLength());
                    return true;
                }
                speaker = reading(prompt, speaker, model);
                messages.add(answer(speaker, stopped));
            }
            return false;
        } finally {
            if (speaker != null) {
                speaker.close();
            }
        }
    }

    /// The speaker that has read the prompt.
    private Speaker reading(int[] prompt, Speaker speaker, LanguageModel model) {
        boolean goesOn = speaker != null && context.size() < prompt.length && context.equals(Arrays.stream(prompt, 0, context.size()).boxed().toList());
        Speaker fit = speaker;
        if (!goesOn) {
            if (speaker != null) {
                speaker.close();
            }
            context.clear();
            fit = new Speaker(model, tokenizer, sampling.sampler(), model.contextLength(), sampling.drafts());
        }
        int[] rest = Arrays.copyOfRange(prompt, context.size(), prompt.length);
        fit.feed(rest);
        Arrays.stream(rest).forEach(context::add);
        return fit;
    }

    private Message answer(Speaker speaker, BooleanSupplier stopped) {
        var voice = new ReasoningVoice(console);
        var parser = new CompletionParser(thinking, voice);
        ended = false;
        speaker.speak(sampling.maxTokens(), this::ends, stopped, parser::accept);
        Completion completion = parser.finish(ended);
        voice.finish(completion, stopped.getAsBoolean());
        return Message.Assistant.of(completion.reasoning(), completion.content(), completion.toolCalls());
    }

    private boolean ends(int token) {
        context.add(token);
        ended = tokens.ends(token);
        return ended;
    }
}
