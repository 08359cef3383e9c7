package dev.xiaolu.tensor;

import dev.xiaolu.op.MatMul;
import dev.xiaolu.op.Op;
import dev.xiaolu.platform.Clock;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/// Where the time of steps goes: a tree of parts within parts, and within those of operators, and within these of shapes.
///
/// A step is a part that lies in no other. Those of a program's beginning are left out, since the compiler is at work then. One thread at a time, that of the operators.
public final class Profile {
    /// One part of a step, as a mean over the measured steps.
    ///
    /// @param name       of the part, the operator or the shapes
    /// @param calls      how often a step comes here
    /// @param seconds    from beginning to end
    /// @param operations of products, as [Cost#operations] counts them
    /// @param bytes      as [Cost#bytes] counts them
    /// @param parts      what it consists of, the longest first for operators; the rest of its time is spent between them
    public record Part(String name, double calls, double seconds, double operations, double bytes, List<Part> parts) {
        public Part {
            parts = List.copyOf(parts);
        }

        /// Seconds that none of the parts took.
        public double between() {
            return Math.max(0, seconds - sum(parts, Part::seconds));
        }

        private static double sum(List<Part> parts, ToDoubleFunction<Part> number) {
            double sum = 0;
            for (Part part : parts) {
                sum += number.applyAsDouble(part);
            }
            return sum;
        }
    }

    private final Clock clock;
    private final int skipped;
    private final int wanted;
    private final Node root = new Node();
    private final Deque<Open> open = new ArrayDeque<>();
    private int begun;
    private int steps;
    private long own;                                            // time that measuring took, which is nobody's

    private record Open(Node node, long begun, long own) {}

    private static final class Node {
        final Map<String, Node> parts = new LinkedHashMap<>();
        boolean ofOperators;
        long calls;
        long nanos;
        double operations;
        double bytes;

        Node part(String name) {
            return parts.computeIfAbsent(name, _ -> new Node());
        }

        void add(long time, double operations, double bytes) {
            calls++;
            nanos += time;
            this.operations += operations;
            this.bytes += bytes;
        }

        Part mean(String name, double steps) {
            var all = new ArrayList<Part>();
            parts.forEach((each, node) -> all.add(node.mean(each, steps)));
            if (parts.values().stream().anyMatch(node -> node.ofOperators)) {
                all.sort(Comparator.comparingDouble(Part::seconds).reversed());
            }
            return new Part(name, calls / steps, nanos * 1e-9 / steps, all.isEmpty() ? operations / steps : Part.sum(all, Part::operations),
                    all.isEmpty() ? bytes / steps : Part.sum(all, Part::bytes), all);
        }
    }

    /// A profile of `wanted` steps after the first `skipped`.
    public Profile(Clock clock, int skipped, int wanted) {
        this.clock = clock;
        this.skipped = skipped;
        this.wanted = wanted;
    }

    /// Whether what goes on now is measured.
    boolean isOn() {
        return !open.isEmpty() && begun > skipped && steps < wanted;
    }

    void enters(String part) {
        if (open.isEmpty()) {
            begun++;
        }
        open.push(new Open(open.isEmpty() ? root : open.peek().node.part(part), clock.nanos(), own));
    }

    void leaves() {
        boolean counts = isOn();
        Open left = open.pop();
        if (counts) {
            left.node.add(clock.nanos() - left.begun - (own - left.own), 0, 0);
            steps += open.isEmpty() ? 1 : 0;
        }
    }

    /// An operator has run, from and to these times of the clock.
    void ran(Op op, Tensor[] in, Tensor[] out, long from, long to) {
        Node part = open.peek().node, operator = part.part(op.name()), shapes = operator.part(shapes(op, in));
        operator.ofOperators = true;
        shapes.ofOperators = true;
        double operations = Cost.operations(op, in, out), bytes = Cost.bytes(op, in, out);
        operator.add(to - from, 0, 0);
        shapes.add(to - from, operations, bytes);
        own += clock.nanos() - to;
    }

    /// The shapes of the first inputs in words, with how a product takes them.
    static String shapes(Op op, Tensor[] in) {
        var words = new StringBuilder();
        for (int i = 0; i < Math.min(2, in.length); i++) {
            words.append(i == 0 ? "" : " ").append(in[i].shape());
            if (op instanceof MatMul product && (i == 0 ? product.transposeA() : product.transposeB())) {
                words.append('ᵀ');
            }
        }
        return words.toString();
    }

    /// Whether all steps that are wanted have been measured.
    public boolean isDone() {
        return steps >= wanted;
    }

    /// How many steps have been measured.
    public int steps() {
        return steps;
    }

    /// The first measured step, counted from 1 in this process.
    public int first() {
        return skipped + 1;
    }

    /// A step, as the mean of those that were measured; at least one must have been.
    public Part step() {
        return root.mean("step", steps);
    }
}
