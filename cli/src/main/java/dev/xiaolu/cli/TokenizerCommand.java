package dev.xiaolu.cli;

import dev.xiaolu.data.Corpus;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.prompt.ConversationReader;
import dev.xiaolu.prompt.Message;
import dev.xiaolu.prompt.Prompt;
import dev.xiaolu.prompt.PromptEncoder;
import dev.xiaolu.prompt.PromptTemplates;
import dev.xiaolu.prompt.PromptTokens;
import dev.xiaolu.prompt.Thinking;
import dev.xiaolu.store.Json;
import dev.xiaolu.tokenizer.Tokenizer;
import dev.xiaolu.tokenizer.TokenizerTrainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// Text to tokens and back.
@Command(name = "tokenizer", header = {"Trains a tokenizer, or turns text into tokens and back.", ""}, synopsisSubcommandLabel = "train|encode|decode",
        subcommands = {TokenizerCommand.Train.class, TokenizerCommand.Encode.class, TokenizerCommand.Decode.class},
        footer = {"", "Example:  ./xiaolu tokenizer encode --model runs/llama-small 'int i = 0;'"})
final class TokenizerCommand extends Action {
    @Spec
    private CommandSpec spec;

    TokenizerCommand(Console console) {
        super(console);
    }

    @Override public Integer call() {
        spec.commandLine().usage(err());
        return WRONG_USAGE;
    }

    /// A `tokenizer.json`, or a folder with one: a tokenizer's, a model's, a checkpoint's or a run's.
    static Tokenizer load(Path path, Console console) {
        return Tokenizer.load(find(path, console));
    }

    private static Path find(Path path, Console console) {
        boolean itself = Files.isRegularFile(path) || Files.isRegularFile(path.resolve("tokenizer.json"));
        return itself ? path : ModelFolder.find(path, console.err());
    }

    @Command(name = "train", header = {"Learns a byte-level BPE tokenizer from text.", ""},
            footer = {"", "The result depends on the words of the text only, never on the order of files or on the machine.", "",
                "Example:  ./xiaolu tokenizer train --data core/src --vocab-size 4096 --out my-tokenizer"})
    static final class Train extends Action {
        @Mixin
        private TextOptions text;

        @Option(names = "--vocab-size", paramLabel = "N", required = true, description = "Tokens to learn, special ones included.")
        private int vocabSize;

        @Option(names = "--out", paramLabel = "DIR", required = true, description = "Folder to write tokenizer.json and tokenizer_config.json into.")
        private Path out;

        Train(Console console) {
            super(console);
        }

        @Override public Integer call() {
            TokenizerTrainer trainer = usage(() -> TokenizerTrainer.of(vocabSize));
            List<byte[]> documents = new ArrayList<>();
            Corpus.Totals totals = TextOptions.read(text.corpus(), document -> documents.add(document.text()));
            Tokenizer tokenizer = trainer.train(documents);
            tokenizer.save(Disk.real(), out);
            out().printf("%,d tokens from %,d documents of %,d bytes, in %s%n", tokenizer.vocabSize(), totals.documents(), totals.bytes(), out);
            return DONE;
        }
    }

    @Command(name = "encode", header = {"Prints the tokens of a text.", ""},
            footer = {"", "Examples:  ./xiaolu tokenizer encode --model runs/llama-small 'int i = 0;'", "           ./xiaolu tokenizer encode --model tokenizer.json --file Main.java --json", "",
                "With --chat, the prompt of a conversation as DeepSeek-V4 models were taught it: its text, then its tokens.", "",
                "Example:  echo '[{\"role\": \"user\", \"content\": \"Hello\"}]' > messages.json", "          ./xiaolu tokenizer encode --model DeepSeek-V4-Flash --chat messages.json --thinking high"})
    static final class Encode extends Action {
        @Option(names = "--model", paramLabel = "PATH", required = true, description = "A tokenizer.json, or the folder of a tokenizer, a model or a run.")
        private Path model;

        @Option(names = "--file", paramLabel = "FILE", description = "Takes the text from a file; '-' is standard input.")
        private Path file;

        @Option(names = "--chat", paramLabel = "FILE", description = "Takes a conversation from a JSON file: a list of messages, or an object with messages, tools, response_format; '-' is standard input.")
        private Path chat;

        @Mixin
        private ThinkingOption thinking;

        @Option(names = "--keep-reasoning", description = "With --chat, keeps the reasoning of earlier turns.")
        private boolean keepReasoning;

        @Option(names = "--special", description = "Adds the tokens that the tokenizer puts before and behind a text.")
        private boolean special;

        @Option(names = "--json", description = "Prints a JSON list of objects: id, token, text; with --chat an object: text, ids.")
        private boolean json;

        @Parameters(paramLabel = "TEXT", arity = "0..1", description = "The text.")
        private String text;

        Encode(Console console) {
            super(console);
        }

        @Override public Integer call() {
            if (chat != null) {
                return conversation();
            }
            if ((text == null) == (file == null)) {
                throw new WrongUsage("wanted a text or --file, found " + (text == null ? "neither" : "both"));
            }
            if (thinking.given() || keepReasoning) {
                throw new WrongUsage("--thinking and --keep-reasoning go with --chat, which is missing");
            }
            Tokenizer tokenizer = load(model, console());
            int[] ids = text != null ? tokenizer.encode(text, special) : tokenizer.encode(bytes(file), special);
            if (json) {
                var table = new Table("id", "token", "text");
                Arrays.stream(ids).forEach(id -> table.row(id, tokenizer.tokenOf(id).orElse(""), tokenizer.decode(new int[] {id}, false)));
                table.print(out(), true);
            } else {
                out().println(list(ids));
            }
            return DONE;
        }

        private int conversation() {
            if (text != null || file != null || special) {
                throw new WrongUsage("wanted --chat alone, found it with a text, --file or --special");
            }
            Thinking level = thinking.level();
            Path found = find(model, console());
            Path folder = Files.isDirectory(found) ? found : found.toAbsolutePath().getParent();
            var tokens = new PromptTokens(Tokenizer.load(found));
            List<Message> messages = ConversationReader.read(chat.toString().equals("-") ? "standard input" : chat.toString(), bytes(chat));
            Prompt prompt = new PromptEncoder(PromptTemplates.load(Disk.real(), folder)).encode(messages, level, !keepReasoning);
            int[] ids = tokens.of(prompt);
            if (json) {
                Map<String, Object> object = new LinkedHashMap<>();
                object.put("text", prompt.text());
                object.put("ids", ids);
                out().writeBytes(Json.write(object));
            } else {
                out().println(prompt.text());
                out().println(list(ids));
            }
            return DONE;
        }

        private static String list(int[] ids) {
            return Arrays.stream(ids).mapToObj(Integer::toString).collect(Collectors.joining(","));
        }

        private byte[] bytes(Path file) {
            try {
                return file.toString().equals("-") ? console().in().readAllBytes() : Disk.real().read(file);
            } catch (IOException broken) {
                throw new InputException("standard input cannot be read: " + broken.getMessage(), broken);
            }
        }
    }

    @Command(name = "decode", header = {"Prints the text of tokens.", ""}, footer = {"", "Example:  ./xiaolu tokenizer decode --model runs/llama-small 17,42,9"})
    static final class Decode extends Action {
        @Option(names = "--model", paramLabel = "PATH", required = true, description = "A tokenizer.json, or the folder of a tokenizer, a model or a run.")
        private Path model;

        @Option(names = "--skip-special", description = "Leaves special tokens out.")
        private boolean skipSpecial;

        @Parameters(paramLabel = "IDS", description = "Token ids, separated by commas.")
        private String ids;

        Decode(Console console) {
            super(console);
        }

        @Override public Integer call() {
            Tokenizer tokenizer = load(model, console());
            int[] tokens = ids.isBlank() ? new int[0] : LogitsCommand.ids("IDS", ids);
            for (int token : tokens) {
                if (token < 0 || token >= tokenizer.vocabSize()) {
                    throw InputException.of("token %d is out of range, wanted 0 to %d", token, tokenizer.vocabSize() - 1);
                }
            }
            out().writeBytes(tokenizer.decodeBytes(tokens, skipSpecial));
            out().println();
            return DONE;
        }
    }
}
