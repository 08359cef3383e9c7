package dev.xiaolu.tokenizer;

import dev.xiaolu.platform.InputException;
import dev.xiaolu.tokenizer.PatternNode.Ahead;
import dev.xiaolu.tokenizer.PatternNode.Atomic;
import dev.xiaolu.tokenizer.PatternNode.Behind;
import dev.xiaolu.tokenizer.PatternNode.Chars;
import dev.xiaolu.tokenizer.PatternNode.Choice;
import dev.xiaolu.tokenizer.PatternNode.Mode;
import dev.xiaolu.tokenizer.PatternNode.Place;
import dev.xiaolu.tokenizer.PatternNode.Repeat;
import dev.xiaolu.tokenizer.PatternNode.Sequence;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/// A regular expression as instructions for [PatternMatcher]. Immutable once compiled, thread-safe.
final class PatternProgram {
    /// Ends a match, or the body of a look ahead or of an atomic group.
    static final int MATCH = 0;
    /// `set`: takes one character of a set.
    static final int CHAR = 1;
    /// `first second`: tries `first`, and `second` when that fails.
    static final int SPLIT = 2;
    /// `target`: goes on there.
    static final int JUMP = 3;
    /// `set min max gives`: takes as many characters of a set as there are; gives them back one by one unless `gives` is 0.
    static final int RUN = 4;
    /// `negative next`: whether the body, which follows, matches; goes on at `next`.
    static final int AHEAD = 5;
    /// `next`: matches the body, which follows, and forgets the ways it did not take; goes on at `next`.
    static final int ATOMIC = 6;
    /// `set negative`: whether the character before is in a set.
    static final int BEHIND = 7;
    /// `edge`: whether this is such a place, an ordinal of [PatternNode.Edge].
    static final int PLACE = 8;

    private static final int LONGEST = 50_000;

    final String pattern;
    final int[] code;
    final List<BitSet> sets;

    private PatternProgram(String pattern, int[] code, List<BitSet> sets) {
        this.pattern = pattern;
        this.code = code;
        this.sets = sets;
    }

    /// Compiles a pattern; `subject` opens the message when it cannot be read.
    static PatternProgram of(String subject, String pattern) {
        var writer = new Writer(subject, pattern);
        writer.write(PatternParser.parse(subject, pattern));
        writer.put(MATCH);
        return new PatternProgram(pattern, Arrays.copyOf(writer.code, writer.size), List.copyOf(writer.sets));
    }

    private static final class Writer {
        private final String subject;
        private final String pattern;
        private final List<BitSet> sets = new ArrayList<>();
        private int[] code = new int[64];
        private int size;

        Writer(String subject, String pattern) {
            this.subject = subject;
            this.pattern = pattern;
        }

        private int put(int word) {
            if (size == LONGEST) {
                throw InputException.of("%s: the pattern %s is too large: more than %d instructions", subject, pattern, LONGEST);
            }
            if (size == code.length) {
                code = Arrays.copyOf(code, size * 2);
            }
            code[size] = word;
            return size++;
        }

        private int set(BitSet set) {
            int known = sets.indexOf(set);
            if (known >= 0) {
                return known;
            }
            sets.add(set);
            return sets.size() - 1;
        }

        void write(PatternNode node) {
            switch (node) {
                case Chars(var set) -> {
                    put(CHAR);
                    put(set(set));
                }
                case Sequence(var parts) -> parts.forEach(this::write);
                case Choice(var parts) -> choice(parts);
                case Repeat(var body, int min, int max, var mode) -> repeat(body, min, max, mode);
                case Ahead(var body, boolean negative) -> {
                    put(AHEAD);
                    put(negative ? 1 : 0);
                    inner(body);
                }
                case Atomic(var body) -> {
                    put(ATOMIC);
                    inner(body);
                }
                case Behind(var set, boolean negative) -> {
                    put(BEHIND);
                    put(set(set));
                    put(negative ? 1 : 0);
                }
                case Place(var edge) -> {
                    put(PLACE);
                    put(edge.ordinal());
                }
            }
        }

        private void inner(PatternNode body) {
            int next = put(0);
            write(body);
            put(MATCH);
            code[next] = size;
        }

        private void choice(List<PatternNode> parts) {
            int[] ends = new int[parts.size() - 1];
            for (int i = 0; i < ends.length; i++) {
                put(SPLIT);
                put(size + 2);
                int other = put(0);
                write(parts.get(i));
                put(JUMP);
                ends[i] = put(0);
                code[other] = size;
            }
            write(parts.getLast());
            for (int end : ends) {
                code[end] = size;
            }
        }

        private void repeat(PatternNode body, int min, int max, Mode mode) {
            if (body instanceof Chars(var set) && mode != Mode.LAZY) {
                put(RUN);
                put(set(set));
                put(min);
                put(max);
                put(mode == Mode.GREEDY ? 1 : 0);
                return;
            }
            if (mode == Mode.POSSESSIVE) {
                put(ATOMIC);
                inner(new Repeat(body, min, max, Mode.GREEDY));
                return;
            }
            for (int i = 0; i < min; i++) {
                write(body);
            }
            if (max == Integer.MAX_VALUE) {
                int start = size;
                int out = way(mode);
                write(body);
                put(JUMP);
                put(start);
                code[out] = size;
                return;
            }
            int[] outs = new int[max - min];
            for (int i = 0; i < outs.length; i++) {
                outs[i] = way(mode);
                write(body);
            }
            for (int out : outs) {
                code[out] = size;
            }
        }

        /// A split between the body, which follows, and a way out; gives the place that takes the address of the way out.
        private int way(Mode mode) {
            int split = put(SPLIT);
            put(0);
            put(0);
            code[split + (mode == Mode.GREEDY ? 1 : 2)] = size;
            return split + (mode == Mode.GREEDY ? 2 : 1);
        }
    }
}
