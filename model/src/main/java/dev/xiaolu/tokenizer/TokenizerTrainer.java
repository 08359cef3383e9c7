package dev.xiaolu.tokenizer;

import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.platform.InputException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// Learns a byte-level BPE tokenizer from texts.
///
/// The result is a function of how often each word occurs: the same for the same documents in any order, on any machine. Its files
/// load in Hugging Face libraries and give the same ids there.
///
/// @param vocabSize       tokens wanted, special ones among them; a small corpus may give fewer, and the special ones come last
/// @param pattern         the regular expression whose matches are words, which no token crosses
/// @param specialTokens   at least two; the first begins a text, the second ends it, the others are known as one token each
/// @param minCount        a pair that occurs less often is not merged
public record TokenizerTrainer(int vocabSize, String pattern, List<String> specialTokens, long minCount) {
    /// The pattern of Llama 3: contractions, words with the space before them, up to three digits, punctuation, line ends.
    public static final String DEFAULT_PATTERN = LineScanner.LLAMA3_PATTERN;

    /// Begin and end of a text, and of a message in a chat.
    public static final List<String> DEFAULT_SPECIAL_TOKENS = List.of("<|begin_of_text|>", "<|end_of_text|>", "<|im_start|>", "<|im_end|>");

    public TokenizerTrainer {
        specialTokens = List.copyOf(specialTokens);
        Set<String> seen = new HashSet<>();
        for (String token : specialTokens) {
            byte[] bytes = ByteAlphabet.bytesOrNull(token);
            checkInput(!token.isEmpty() && (bytes == null || bytes.length > 1), "special tokens: <%s> is too short, wanted at least two characters", token);
            checkInput(seen.add(token), "special tokens: %s is there twice", token);
        }
        checkInput(specialTokens.size() >= 2, "special tokens: found %d, wanted at least two, one that begins and one that ends a text", specialTokens.size());
        int fewest = 256 + specialTokens.size();
        checkInput(vocabSize >= fewest, "vocabulary size: %d, wanted at least %d for 256 bytes and %d special tokens", vocabSize, fewest, specialTokens.size());
        checkInput(vocabSize <= TokenizerReader.MOST_IDS, "vocabulary size: %d, wanted at most %d", vocabSize, TokenizerReader.MOST_IDS);
        checkInput(minCount >= 1, "least count of a pair: %d, wanted at least 1", minCount);
        PatternProgram.of("pattern", pattern);                            // refuses what cannot be read
    }

    /// A trainer with the usual pattern and special tokens, which merges what occurs twice or more.
    public static TokenizerTrainer of(int vocabSize) {
        return new TokenizerTrainer(vocabSize, DEFAULT_PATTERN, DEFAULT_SPECIAL_TOKENS, 2);
    }

    /// Learns from documents in UTF-8; what is not valid is read as U+FFFD, as in [Encoder]. Each document is read once, in order.
    public Tokenizer train(Iterable<byte[]> documents) {
        var words = new WordCounts();
        WordSink splitter = PreTokenizerReader.split("pattern", pattern).into(words);
        for (byte[] document : documents) {
            byte[] text = Utf8.firstFault(document, 0, document.length) == document.length ? document : Utf8.mend(document, 0, document.length);
            if (text.length > 0) {
                splitter.accept(text, 0, text.length);
            }
        }
        if (words.words.count() == 0) {
            throw new InputException("corpus: no text, wanted at least one document that is not empty; check the paths of the data");
        }
        var learner = new MergeLearner(words, new HashSet<>(specialTokens));
        learner.learn(vocabSize - specialTokens.size(), minCount);
        return TokenizerWriter.write(learner, pattern, specialTokens);
    }
}
