package dev.xiaolu.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;

/// Added tokens as a trie over their UTF-8: at the leftmost place where any begins, the longest is found. Immutable, thread-safe.
final class AddedTokens {
    private final List<AddedToken> tokens;
    private final int[] root = new int[256];           // node of each first byte, 0 for none
    private int[] nodes = new int[64];                 // four words each: byte, first child, next sibling, token index plus one
    private int nodeCount = 1;

    /// The tokens to look for; `written` gives the text under which one is found, which differs from its content when the text is normalized.
    AddedTokens(List<AddedToken> tokens, UnaryOperator<byte[]> written) {
        this.tokens = List.copyOf(tokens);
        for (int i = 0; i < this.tokens.size(); i++) {
            byte[] bytes = written.apply(this.tokens.get(i).content().getBytes(StandardCharsets.UTF_8));
            if (bytes.length > 0) {
                add(bytes, i);
            }
        }
    }

    boolean isEmpty() {
        return nodeCount == 1;
    }

    private void add(byte[] bytes, int index) {
        int node = root[bytes[0] & 0xFF];
        if (node == 0) {
            node = newNode(bytes[0]);
            root[bytes[0] & 0xFF] = node;
        }
        for (int i = 1; i < bytes.length; i++) {
            int child = child(node, bytes[i]);
            if (child == 0) {
                child = newNode(bytes[i]);
                nodes[4 * child + 2] = nodes[4 * node + 1];
                nodes[4 * node + 1] = child;
            }
            node = child;
        }
        if (nodes[4 * node + 3] == 0) {                // of two that are written alike the first counts
            nodes[4 * node + 3] = index + 1;
        }
    }

    private int newNode(byte b) {
        if (4 * nodeCount + 4 > nodes.length) {
            nodes = Arrays.copyOf(nodes, nodes.length * 2);
        }
        nodes[4 * nodeCount] = b;
        return nodeCount++;
    }

    private int child(int node, byte b) {
        for (int child = nodes[4 * node + 1]; child != 0; child = nodes[4 * child + 2]) {
            if (nodes[4 * child] == b) {
                return child;
            }
        }
        return 0;
    }

    /// A search through one text; belongs to one thread.
    final class Search {
        /// The text before the token that was found; empty when `textFrom` is not before `textTo`.
        int textFrom, textTo;
        /// The token that was found, or null when the text before it is all that is left.
        AddedToken token;

        private byte[] text;
        private int from;
        private int to;
        private int at;
        private int taken;
        private boolean done;
        private int matchEnd;
        private AddedToken match;

        /// Begins with a text, which is valid UTF-8.
        void start(byte[] text, int from, int to) {
            this.text = text;
            this.from = from;
            this.to = to;
            at = from;
            taken = from;
            done = false;
        }

        /// Goes on to the next token, or to the rest of the text; false when nothing is left.
        boolean next() {
            while (!done) {
                int start = nextMatch();
                if (start < 0) {
                    done = true;
                    textFrom = taken;
                    textTo = to;
                    token = null;
                    return taken < to;
                }
                at = matchEnd;
                if (match.singleWord() && (wordBefore(start) || wordAt(matchEnd))) {
                    continue;
                }
                int end = match.rstrip() ? Scanner.run(text, matchEnd, to, Characters.SPACE) : matchEnd;
                textFrom = taken;
                textTo = match.lstrip() ? Math.max(spacesBefore(start), taken) : start;
                token = match;
                taken = end;
                return true;
            }
            return false;
        }

        private int nextMatch() {
            for (; at < to; at++) {
                int node = root[text[at] & 0xFF];
                if (node != 0 && longest(node, at)) {
                    return at;
                }
            }
            return -1;
        }

        private boolean longest(int node, int start) {
            int found = 0;
            int i = start + 1;
            while (true) {
                if (nodes[4 * node + 3] != 0) {
                    found = nodes[4 * node + 3];
                    matchEnd = i;
                }
                node = i < to ? child(node, text[i]) : 0;
                if (node == 0) {
                    break;
                }
                i++;
            }
            match = found == 0 ? null : tokens.get(found - 1);
            return found != 0;
        }

        private boolean wordBefore(int start) {
            return start > from && Characters.inWord(Utf8.codePointAt(text, Utf8.before(text, start)));
        }

        private boolean wordAt(int end) {
            return end < to && Characters.inWord(Utf8.codePointAt(text, end));
        }

        private int spacesBefore(int start) {
            int first = start;
            while (first > from) {
                int before = Utf8.before(text, first);
                if ((Characters.flagsAt(text, before) & Characters.SPACE) == 0) {
                    break;
                }
                first = before;
            }
            return first;
        }
    }
}
