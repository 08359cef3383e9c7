package dev.xiaolu.tokenizer;

import dev.xiaolu.platform.InputException;
import dev.xiaolu.tokenizer.PatternNode.Edge;
import java.util.Arrays;
import java.util.BitSet;

/// Runs a [PatternProgram] over UTF-8 by backtracking, with its own stack: a word of any length cannot overflow the thread's.
final class PatternMatcher implements Finder {
    /// Steps after which a match at one place is given up, which takes seconds; Hugging Face gives up earlier.
    private static final long MOST_STEPS = 1L << 30;
    private static final Edge[] EDGES = Edge.values();

    private final PatternProgram program;
    private final int[] code;
    private final BitSet[] sets;
    private final long[] ascii;                // two words for each set
    private int[] stack = new int[96];         // address, place, lowest place to give back to or -1
    private int depth;
    private long steps;
    private byte[] text;
    private int from;
    private int to;

    PatternMatcher(PatternProgram program) {
        this.program = program;
        code = program.code;
        sets = program.sets.toArray(BitSet[]::new);
        ascii = new long[2 * sets.length];
        for (int i = 0; i < sets.length; i++) {
            for (int c = 0; c < 128; c++) {
                ascii[2 * i + (c >> 6)] |= sets[i].get(c) ? 1L << c : 0;
            }
        }
    }

    @Override public boolean find(byte[] text, int from, int start, int to, int[] match) {
        this.text = text;
        this.from = from;
        this.to = to;
        for (int at = start; ; at += Utf8.width(text[at])) {
            depth = 0;
            steps = 0;
            int end = run(0, at);
            if (end >= 0) {
                match[0] = at;
                match[1] = end;
                return true;
            }
            if (at >= to) {
                return false;
            }
        }
    }

    /// The end of the match of the code at `address`, or -1; leaves the stack as deep as it was.
    private int run(int address, int place) {
        int base = depth;
        int pc = address;
        int at = place;
        while (true) {
            if (++steps > MOST_STEPS) {
                throw InputException.of("pre_tokenizer: the pattern %s takes more than %d steps on one piece of text", program.pattern, MOST_STEPS);
            }
            boolean fails = false;
            switch (code[pc]) {
                case PatternProgram.MATCH -> {
                    depth = base;
                    return at;
                }
                case PatternProgram.CHAR -> {
                    if (at < to && in(code[pc + 1], at)) {
                        at += Utf8.width(text[at]);
                        pc += 2;
                    } else {
                        fails = true;
                    }
                }
                case PatternProgram.SPLIT -> {
                    push(code[pc + 2], at, -1);
                    pc = code[pc + 1];
                }
                case PatternProgram.JUMP -> pc = code[pc + 1];
                case PatternProgram.RUN -> {
                    int set = code[pc + 1];
                    int min = code[pc + 2];
                    int max = code[pc + 3];
                    int low = min == 0 ? at : -1;
                    int count = 0;
                    while (count < max && at < to && in(set, at)) {
                        at += Utf8.width(text[at]);
                        if (++count == min) {
                            low = at;
                        }
                    }
                    steps += count;
                    if (count < min) {
                        fails = true;
                    } else {
                        boolean gives = code[pc + 4] != 0;
                        pc += 5;
                        if (gives && at > low) {
                            push(pc, at, low);
                        }
                    }
                }
                case PatternProgram.AHEAD -> {
                    boolean found = run(pc + 3, at) >= 0;
                    fails = found == (code[pc + 1] != 0);
                    pc = code[pc + 2];
                }
                case PatternProgram.ATOMIC -> {
                    int end = run(pc + 2, at);
                    fails = end < 0;
                    at = end;
                    pc = code[pc + 1];
                }
                case PatternProgram.BEHIND -> {
                    boolean found = at > from && in(code[pc + 1], Utf8.before(text, at));
                    fails = found == (code[pc + 2] != 0);
                    pc += 3;
                }
                default -> {
                    fails = !is(EDGES[code[pc + 1]], at);
                    pc += 2;
                }
            }
            if (fails) {
                if (depth == base) {
                    return -1;
                }
                depth -= 3;
                pc = stack[depth];
                at = stack[depth + 1];
                int low = stack[depth + 2];
                if (low >= 0) {
                    at = Utf8.before(text, at);
                    if (at > low) {
                        stack[depth + 1] = at;
                        depth += 3;
                    }
                }
            }
        }
    }

    private void push(int pc, int at, int low) {
        if (depth + 3 > stack.length) {
            stack = Arrays.copyOf(stack, stack.length * 2);
        }
        stack[depth] = pc;
        stack[depth + 1] = at;
        stack[depth + 2] = low;
        depth += 3;
    }

    private boolean in(int set, int at) {
        byte first = text[at];
        return first >= 0 ? (ascii[2 * set + (first >> 6)] >>> first & 1) != 0 : sets[set].get(Utf8.codePointAt(text, at));
    }

    private boolean is(Edge edge, int at) {
        return switch (edge) {
            case LINE_START -> at == from || at < to && text[at - 1] == '\n';
            case LINE_END -> at == to || text[at] == '\n';
            case TEXT_START -> at == from;
            case TEXT_END -> at == to;
            case LAST_LINE_END -> at == to || at == to - 1 && text[at] == '\n';
            case WORD_EDGE -> wordBefore(at) != wordAt(at);
            case NO_WORD_EDGE -> wordBefore(at) == wordAt(at);
        };
    }

    private boolean wordAt(int at) {
        return at < to && (Characters.flagsAt(text, at) & Characters.WORD) != 0;
    }

    private boolean wordBefore(int at) {
        return at > from && (Characters.flagsAt(text, Utf8.before(text, at)) & Characters.WORD) != 0;
    }
}
