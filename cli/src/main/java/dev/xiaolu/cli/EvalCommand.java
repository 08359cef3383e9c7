package dev.xiaolu.cli;

import dev.xiaolu.nn.LanguageModel;
import dev.xiaolu.store.Json;
import dev.xiaolu.tokenizer.Tokenizer;
import dev.xiaolu.train.Evaluation;
import dev.xiaolu.train.SequenceSource;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// How well a model predicts a text.
@Command(name = "eval", header = {"Tells how well a model predicts a text: loss and bits per byte.", ""},
        footer = {"", "Each document is cut into pieces as long as the model's context; the first token of a piece is given, the others are predicted.", "",
            "Example:  ./xiaolu eval --model runs/first --data core/src/main/java"})
final class EvalCommand extends Action {
    @Option(names = "--model", paramLabel = "DIR", required = true, description = "Folder of a model, a checkpoint or a run.")
    private Path model;

    @Option(names = "--json", description = "Prints one JSON object.")
    private boolean json;

    @Mixin
    private TextOptions text;

    @Mixin
    private Placement placement;

    @Mixin
    private Holding holding;

    EvalCommand(Console console) {
        super(console);
    }

    @Override public Integer call() {
        var corpus = text.corpus();
        Path folder = ModelFolder.find(model, err());
        return placement.run(arena -> {
            LanguageModel loaded = ModelFolder.load(folder, arena, holding);
            Tokenizer tokenizer = Tokenizer.load(folder);
            var sum = new Sum(loaded, tokenizer);
            long documents = TextOptions.read(corpus, document -> sum.add(document.text())).documents();
            print(documents, sum);
            return DONE;
        });
    }

    /// Adds up documents one by one, so that a text of any size fits.
    private static final class Sum {
        private final LanguageModel model;
        private final Tokenizer tokenizer;
        private double nats;
        private long tokens;
        private long bytes;

        Sum(LanguageModel model, Tokenizer tokenizer) {
            this.model = model;
            this.tokenizer = tokenizer;
        }

        void add(byte[] document) {
            int[] ids = tokenizer.encode(document, true);
            List<SequenceSource.Sequence> pieces = new ArrayList<>();
            for (int from = 0; from + 1 < ids.length; from += model.contextLength()) {
                int[] piece = Arrays.copyOfRange(ids, from, Math.min(ids.length, from + model.contextLength() + 1));
                pieces.add(new SequenceSource.Sequence(piece, new int[piece.length - 1]));
            }
            long predicted = 0;
            for (int i = 1; i < ids.length; i++) {
                predicted += tokenizer.isSpecial(ids[i]) ? 0 : tokenizer.bytesOf(ids[i]);
            }
            Evaluation evaluation = Evaluation.of(model, pieces, predicted);
            if (evaluation.tokens() > 0) {
                nats += evaluation.loss() * evaluation.tokens();
                tokens += evaluation.tokens();
                bytes += predicted;
            }
        }

        Evaluation whole() {
            return new Evaluation(tokens == 0 ? Double.NaN : nats / tokens, tokens, bytes);
        }
    }

    private void print(long documents, Sum sum) {
        Evaluation whole = sum.whole();
        if (json) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("loss", whole.loss());
            object.put("bits_per_byte", whole.bitsPerByte());
            object.put("tokens", whole.tokens());
            object.put("bytes", whole.bytes());
            object.put("documents", documents);
            out().writeBytes(Json.write(object));
        } else {
            out().printf(Locale.ROOT, "loss %.4f nats per token%nbits per byte %.4f%n%,d tokens, %,d bytes, %,d documents%n", whole.loss(), whole.bitsPerByte(), whole.tokens(), whole.bytes(), documents);
        }
    }
}
