package dev.xiaolu.tokenizer;

import java.util.Arrays;
import java.util.function.Supplier;

/// Cuts at the matches of a pattern, as the `Split` pre-tokenizer does.
///
/// @param finders    makes the finder of one thread
/// @param behavior   what happens to the matches
/// @param invert     whether matches and what lies between them change places
record SplitStage(Supplier<Finder> finders, Behavior behavior, boolean invert) implements Stage {
    /// What happens to a match.
    enum Behavior { REMOVED, ISOLATED, MERGED_WITH_PREVIOUS, MERGED_WITH_NEXT, CONTIGUOUS }

    /// A split by a regular expression; `subject` opens the message when it cannot be read.
    static SplitStage of(String subject, String pattern, Behavior behavior, boolean invert) {
        PatternProgram program = PatternProgram.of(subject, pattern);
        return new SplitStage(() -> new PatternMatcher(program), behavior, invert);
    }

    @Override public WordSink into(WordSink next) {
        return new Splitter(finders.get(), behavior, invert, next);
    }

    private static final class Splitter implements WordSink {
        private final Finder finder;
        private final Behavior behavior;
        private final boolean invert;
        private final WordSink next;
        private final int[] match = new int[2];
        private int[] pieces = new int[48];            // start, end, 1 for a match
        private int size;

        Splitter(Finder finder, Behavior behavior, boolean invert, WordSink next) {
            this.finder = finder;
            this.behavior = behavior;
            this.invert = invert;
            this.next = next;
        }

        @Override public void accept(byte[] text, int from, int to) {
            size = 0;
            collect(text, from, to);
            switch (behavior) {
                case ISOLATED -> give(text, false);
                case REMOVED -> give(text, true);
                case CONTIGUOUS -> {
                    mergeForwards(true);
                    give(text, false);
                }
                case MERGED_WITH_PREVIOUS -> {
                    mergeForwards(false);
                    give(text, false);
                }
                case MERGED_WITH_NEXT -> {
                    mergeBackwards();
                    give(text, false);
                }
            }
        }

        private void collect(byte[] text, int from, int to) {
            int previous = from;
            int start = from;
            int lastEnd = -1;
            while (start <= to && finder.find(text, from, start, to, match)) {
                if (match[0] == match[1] && match[1] == lastEnd) {         // an empty match right behind a match does not count
                    start += start < to ? Utf8.width(text[start]) : 1;
                    continue;
                }
                start = match[1];
                lastEnd = match[1];
                if (previous != match[0]) {
                    put(previous, match[0], invert);
                }
                put(match[0], match[1], !invert);
                previous = match[1];
            }
            if (previous != to) {
                put(previous, to, invert);
            }
        }

        private void put(int from, int to, boolean matches) {
            if (size + 3 > pieces.length) {
                pieces = Arrays.copyOf(pieces, pieces.length * 2);
            }
            pieces[size] = from;
            pieces[size + 1] = to;
            pieces[size + 2] = matches ? 1 : 0;
            size += 3;
        }

        /// Joins each match with the piece before it that is none, or with `alike` each piece with those of its kind.
        private void mergeForwards(boolean alike) {
            int merged = 0;
            int before = 0;
            for (int i = 0; i < size; i += 3) {
                int kind = pieces[i + 2];
                boolean joins = alike ? kind == before : kind == 1 && before == 0;
                if (joins && merged > 0) {
                    pieces[merged - 2] = pieces[i + 1];
                } else {
                    System.arraycopy(pieces, i, pieces, merged, 3);
                    merged += 3;
                }
                before = kind;
            }
            size = merged;
        }

        /// Joins each match with the piece behind it that is none.
        private void mergeBackwards() {
            int merged = size;
            int behind = 0;
            for (int i = size - 3; i >= 0; i -= 3) {
                int kind = pieces[i + 2];
                if (kind == 1 && behind == 0 && merged < size) {
                    pieces[merged] = pieces[i];
                } else {
                    merged -= 3;
                    System.arraycopy(pieces, i, pieces, merged, 3);
                }
                behind = kind;
            }
            System.arraycopy(pieces, merged, pieces, 0, size - merged);
            size -= merged;
        }

        private void give(byte[] text, boolean dropMatches) {
            for (int i = 0; i < size; i += 3) {
                if (pieces[i] < pieces[i + 1] && !(dropMatches && pieces[i + 2] == 1)) {
                    next.accept(text, pieces[i], pieces[i + 1]);
                }
            }
        }
    }
}
