package dev.xiaolu.cli;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.store.Json;
import dev.xiaolu.tokenizer.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// The form in which a model was taught to converse: told by its folder, which has a chat template where it was, and by the special tokens of its tokenizer.
enum ChatForm {
    /// `<|im_start|>role\n…<|im_end|>\n`, as Qwen and many others.
    CHAT_ML("spoken to in ChatML") {
        @Override String text(String system, String user, boolean first) {
            return (first ? "" : "<|im_end|>\n") + (system.isEmpty() ? "" : "<|im_start|>system\n" + system + "<|im_end|>\n")
                    + "<|im_start|>user\n" + user + "<|im_end|>\n<|im_start|>assistant\n";
        }
    },
    /// `<|start_header_id|>role<|end_header_id|>\n\n…<|eot_id|>`, as Llama 3.
    LLAMA3("spoken to as Llama 3 is") {
        @Override String text(String system, String user, boolean first) {
            return (first ? "<|begin_of_text|>" : "<|eot_id|>") + (system.isEmpty() ? "" : header("system") + system + "<|eot_id|>") + header("user") + user + "<|eot_id|>" + header("assistant");
        }

        private String header(String role) {
            return "<|start_header_id|>" + role + "<|end_header_id|>\n\n";
        }
    },
    /// A model that only knows text: it goes on writing.
    TEXT("goes on writing your text") {
        @Override String text(String system, String user, boolean first) {
            return (first ? "" : "\n") + system + user;
        }
    };

    private static final List<String> ENDS = List.of("<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|endoftext|>", "<|end_of_text|>");

    private final String words;

    ChatForm(String words) {
        this.words = words;
    }

    /// The form of the model in a folder; a model without a template only goes on writing, whatever tokens it knows.
    static ChatForm of(Path folder, Tokenizer tokenizer) {
        return hasTemplate(folder) ? of(tokenizer) : TEXT;
    }

    private static boolean hasTemplate(Path folder) {
        Path config = folder.resolve("tokenizer_config.json");
        return Files.exists(folder.resolve("chat_template.jinja"))
                || Files.exists(config) && Json.readObject(config.toString(), Disk.real().read(config)).hasNonNull("chat_template");
    }

    /// The form that a tokenizer's special tokens show.
    static ChatForm of(Tokenizer tokenizer) {
        if (tokenizer.idOf("<|im_start|>").isPresent() && tokenizer.idOf("<|im_end|>").isPresent()) {
            return CHAT_ML;
        }
        return tokenizer.idOf("<|start_header_id|>").isPresent() && tokenizer.idOf("<|eot_id|>").isPresent() ? LLAMA3 : TEXT;
    }

    /// What this form means, for people.
    String words() {
        return words;
    }

    /// What stands before the model's answer to `user`; a later turn begins with the end of the answer before it.
    abstract String text(String system, String user, boolean first);

    /// The tokens of a turn. What a person types is text, never a special token that could end their turn for them.
    int[] turn(Tokenizer tokenizer, String system, String user, boolean first) {
        var tokens = new ArrayList<Integer>();
        String hole = "\u0000";
        String[] around = text(system.isEmpty() ? "" : hole, hole, first).split(hole, -1);
        String[] inside = system.isEmpty() ? new String[] {user} : new String[] {system, user};
        for (int i = 0; i < around.length; i++) {
            add(tokens, this == TEXT && first && i == 0 ? new int[0] : tokenizer.encode(around[i], false));
            if (i < inside.length) {
                add(tokens, this == TEXT && first && i == 0 ? tokenizer.encode(inside[i], true) : plain(tokenizer, inside[i]));
            }
        }
        return tokens.stream().mapToInt(Integer::intValue).toArray();
    }

    /// Whether a token ends the model's turn.
    boolean ends(Tokenizer tokenizer, int token) {
        return token == tokenizer.eos().orElse(-1) || tokenizer.isSpecial(token) && tokenizer.tokenOf(token).filter(ENDS::contains).isPresent();
    }

    /// The tokens of a text in which the names of special tokens are only letters.
    private static int[] plain(Tokenizer tokenizer, String text) {
        int[] tokens = tokenizer.encode(text, false);
        if (Arrays.stream(tokens).noneMatch(tokenizer::isSpecial)) {
            return tokens;
        }
        return tokenizer.encode(text.replace("<|", "< |"), false);
    }

    private static void add(List<Integer> tokens, int[] more) {
        Arrays.stream(more).forEach(tokens::add);
    }
}
