package dev.xiaolu.bench;

import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.op.MatMul;
import dev.xiaolu.shape.Shape;
import java.util.ArrayList;
import java.util.List;

/// One matrix product `[m, k] · [k, n]` with the way its operands are stored.
///
/// @param m           rows of the result
/// @param n           columns of the result
/// @param k           length of the summed axis
/// @param orientation `nn`; `nt`, a linear layer; `tn`, the gradient of its weight
public record GemmShape(int m, int n, int k, String orientation) {
    private static final int TOKENS = 4096;

    public GemmShape {
        checkInput(m > 0 && n > 0 && k > 0, "product %d,%d,%d: wanted sizes of 1 or more", m, n, k);
        checkInput(List.of("nn", "nt", "tn").contains(orientation), "orientation of a product is '%s', wanted one of nn, nt, tn", orientation);
    }

    /// A shape written as `m,n,k,orientation`.
    public static GemmShape parse(String text) {
        String[] parts = text.split(",");
        checkInput(parts.length == 4, "product '%s': wanted m,n,k,orientation, for example 1152,1152,1152,nn", text);
        try {
            return new GemmShape(Integer.parseInt(parts[0].strip()), Integer.parseInt(parts[1].strip()), Integer.parseInt(parts[2].strip()), parts[3].strip());
        } catch (NumberFormatException odd) {
            throw new dev.xiaolu.platform.InputException("product '" + text + "': a size is no whole number; wanted m,n,k,orientation, for example 1152,1152,1152,nn", odd);
        }
    }

    /// The cube of 1152 and every product of the 16.9 million parameter model over 8 sequences of 512: forward, gradient of the input, gradient of the weight.
    public static List<GemmShape> standard() {
        var shapes = new ArrayList<GemmShape>();
        for (String orientation : List.of("nn", "nt", "tn")) {
            shapes.add(new GemmShape(1152, 1152, 1152, orientation));
        }
        int[][] layers = {{384, 384}, {1024, 384}, {384, 1024}, {8192, 384}};                  // out, in: attention, gate and up, down, head
        for (int[] layer : layers) {
            shapes.add(new GemmShape(TOKENS, layer[0], layer[1], "nt"));
            shapes.add(new GemmShape(TOKENS, layer[1], layer[0], "nn"));
            shapes.add(new GemmShape(layer[0], layer[1], TOKENS, "tn"));
        }
        return shapes;
    }

    MatMul op() {
        return new MatMul(orientation.charAt(0) == 't', orientation.charAt(1) == 't');
    }

    Shape a() {
        return orientation.charAt(0) == 't' ? Shape.of(k, m) : Shape.of(m, k);
    }

    Shape b() {
        return orientation.charAt(1) == 't' ? Shape.of(n, k) : Shape.of(k, n);
    }

    /// Floating-point operations, two for each multiply-add.
    double flops() {
        return 2.0 * m * n * k;
    }

    /// As [#parse] reads it.
    @Override public String toString() {
        return m + "," + n + "," + k + "," + orientation;
    }
}
