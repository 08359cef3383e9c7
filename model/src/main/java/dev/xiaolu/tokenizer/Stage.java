package dev.xiaolu.tokenizer;

import java.util.List;

/// One step of a pre-tokenizer: cuts each piece it is given into pieces for the next step.
///
/// A stage itself is immutable; what it needs while it works lives in the sink that [#into] makes, which belongs to one thread.
interface Stage {
    /// A sink that cuts what it takes and gives the pieces to `next`.
    WordSink into(WordSink next);

    /// All stages, one after another.
    static Stage sequence(List<Stage> stages) {
        return next -> {
            WordSink sink = next;
            for (Stage stage : stages.reversed()) {
                sink = stage.into(sink);
            }
            return sink;
        };
    }

    /// Cuts where a scanner says.
    static Stage of(Scanner scanner) {
        return next -> (text, from, to) -> {
            for (int at = from; at < to; ) {
                int end = scanner.wordEnd(text, at, to);
                next.accept(text, at, end);
                at = end;
            }
        };
    }

    /// Puts a space before each piece that does not begin with one.
    static Stage prefixSpace() {
        return next -> (text, from, to) -> {
            if (text[from] == ' ') {
                next.accept(text, from, to);
                return;
            }
            byte[] prefixed = new byte[to - from + 1];
            prefixed[0] = ' ';
            System.arraycopy(text, from, prefixed, 1, to - from);
            next.accept(prefixed, 0, prefixed.length);
        };
    }
}
