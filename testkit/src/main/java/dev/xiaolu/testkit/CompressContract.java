package dev.xiaolu.testkit;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.xiaolu.op.Compress;
import dev.xiaolu.op.CompressGrad;
import dev.xiaolu.op.Hadamard;
import dev.xiaolu.op.RopePairs;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Inputs.Values;
import java.lang.foreign.Arena;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/// What every backend's compression and its rotations must do: give the reference's bits, and the same entries from one call or from many.
public abstract class CompressContract extends OperatorContract {
    private static final int[] CHANNELS = {1, 7, 15, 17, 31, 33, 128, 257};

    private void check(Inputs inputs, Values values, Compress op, int batch, int tokens, int channels, boolean views) {
        int columns = op.overlap() ? 2 * channels : channels;
        Tensor content = inputs.floats(values, Shape.of(batch, tokens, columns));
        Tensor gate = inputs.floats(values, Shape.of(batch, tokens, columns));
        Tensor bias = inputs.floats(values, Shape.of(op.ratio(), columns));
        Tensor dy = inputs.normal(batch, op.entries(tokens), channels);
        Tensor[] in = views ? new Tensor[] {inputs.view(content), inputs.view(gate), inputs.view(bias), inputs.view(dy)} : new Tensor[] {content, gate, bias, dy};
        assertSameBits(inputs, op, in[0], in[1], in[2]);
        for (int leaves : new int[] {1, 2}) {
            if (batch % leaves == 0) {
                assertSameBits(inputs, new CompressGrad(op.ratio(), op.overlap(), op.continued(), leaves), in);
            }
        }
    }

    @Test void windowsGiveTheReferencesBits() {
        long seed = 3000;
        for (Values values : Values.values()) {
            for (int channels : CHANNELS) {
                withInputs(seed++, inputs -> {
                    check(inputs, values, new Compress(5, false, false), 2, 23, channels, false);
                    check(inputs, values, new Compress(4, true, false), 2, 23, channels, true);
                    check(inputs, values, new Compress(4, true, true), 1, 12, channels, false);
                });
            }
        }
    }

    /// What entries may pool starts anywhere, also far before their windows and at their own first token.
    @Test void windowsHeldBackGiveTheReferencesBits() {
        long seed = 3050;
        for (Values values : Values.values()) {
            for (int channels : CHANNELS) {
                withInputs(seed++, inputs -> {
                    checkHeldBack(inputs, values, new Compress(4, true, false), 2, 23, channels, true);
                    checkHeldBack(inputs, values, new Compress(1, true, false), 1, 5, channels, false);
                    checkHeldBack(inputs, values, new Compress(7, true, true), 1, 40, channels, false);
                });
            }
        }
        withInputs(3098, inputs -> checkHeldBack(inputs, Values.NORMAL, new Compress(128, true, false), 1, 700, 3, false));
        withInputs(3099, inputs -> checkHeldBack(inputs, Values.NORMAL, new Compress(4, true, false), 2, 1400, 18, true));
    }

    private void checkHeldBack(Inputs inputs, Values values, Compress op, int batch, int tokens, int channels, boolean views) {
        Tensor[] in = {inputs.floats(values, Shape.of(batch, tokens, 2 * channels)), inputs.floats(values, Shape.of(batch, tokens, 2 * channels)),
            inputs.floats(values, Shape.of(op.ratio(), 2 * channels)), inputs.normal(batch, op.entries(tokens), channels), since(inputs, op, batch, tokens)};
        if (views) {
            in = Arrays.stream(in).map(inputs::view).toArray(Tensor[]::new);
        }
        assertSameBits(inputs, op, in[0], in[1], in[2], in[4]);
        assertSameBits(inputs, new CompressGrad(op.ratio(), true, op.continued(), batch), in);
    }

    private static Tensor since(Inputs inputs, Compress op, int batch, int tokens) {
        Tensor since = inputs.ints(0, 2 * op.ratio() + 1, batch, op.entries(tokens));
        for (int i = 0; i < since.shape().size(); i++) {
            int own = (int) (i % op.entries(tokens) + (op.continued() ? 1 : 0)) * op.ratio();
            since.data().setAtIndex(JAVA_INT, i, Math.max(0, own - since.data().getAtIndex(JAVA_INT, i)));
        }
        return since;
    }

    /// Tokens that an entry may not pool, NaN here, change no bit of it; from the start of the window before on nothing is held back.
    @Test void whatIsHeldBackIsNotThere() {
        withInputs(3250, inputs -> {
            Tensor content = inputs.normal(1, 20, 34);
            Tensor gate = inputs.normal(1, 20, 34);
            Tensor bias = inputs.normal(4, 34);
            Tensor since = Tensor.of(Arena.ofAuto(), Shape.of(1, 5), 0, 0, 6, 12, 16);
            var op = new Compress(4, true, false);
            try (Arena arena = Arena.ofShared()) {
                Tensor whole = runBackend(arena, op, content, gate, bias)[0];
                Tensor held = runBackend(arena, op, content, gate, bias, since)[0];
                assertArrayEquals(whole.slice(1, 0, 2).toFloats(), held.slice(1, 0, 2).toFloats());
                assertFalse(Arrays.equals(whole.slice(1, 2, 3).toFloats(), held.slice(1, 2, 3).toFloats()));
                Tensor alone = runBackend(arena, op, content.slice(1, 12, 16), gate.slice(1, 12, 16), bias)[0];
                assertArrayEquals(alone.toFloats(), held.slice(1, 3, 4).toFloats(), "as the first window of a sequence");
                for (int token : new int[] {4, 5, 8, 11, 12, 15}) {
                    for (int c = 0; c < 17; c++) {                // the half that serves the window behind
                        content.setFloat(Float.NaN, 0, token, c);
                        gate.setFloat(Float.NaN, 0, token, c);
                    }
                }
                assertArrayEquals(held.toFloats(), runBackend(arena, op, content, gate, bias, since)[0].toFloats());
            }
        });
    }

    @Test void anEntryHeldBackWithinItsOwnWindowIsRefusedByName() {
        withInputs(3251, inputs -> {
            Tensor[] in = {inputs.normal(1, 9, 6), inputs.normal(1, 9, 6), inputs.normal(4, 6), inputs.ints(1, 2, 1, 2)};
            var thrown = assertThrows(IndexOutOfBoundsException.class, () -> runBackend(Arena.ofAuto(), new Compress(4, true, false), in));
            assertEquals("entry 0 of sequence 0 pools from token 1 on, wanted 0 to 0, where its own window begins", thrown.getMessage());
        });
    }

    @Test void longWindowsAndManyWindowsGiveTheReferencesBits() {
        withInputs(3100, inputs -> check(inputs, Values.NORMAL, new Compress(128, false, false), 2, 300, 24, true));
        withInputs(3101, inputs -> check(inputs, Values.NORMAL, new Compress(256, false, false), 1, 256, 3, false));
        withInputs(3102, inputs -> check(inputs, Values.NORMAL, new Compress(128, true, false), 1, 256, 3, false));
        withInputs(3103, inputs -> check(inputs, Values.NORMAL, new Compress(4, true, false), 2, 1400, 18, false));
        withInputs(3104, inputs -> check(inputs, Values.NORMAL, new Compress(1, false, false), 1, 700, 5, false));
    }

    @Test void tooFewTokensGiveNoEntry() {
        for (int tokens : new int[] {0, 3}) {
            withInputs(3200, inputs -> check(inputs, Values.NORMAL, new Compress(4, true, false), 2, tokens, 5, false));
        }
        withInputs(3201, inputs -> check(inputs, Values.NORMAL, new Compress(4, true, true), 2, 7, 5, false));
        withInputs(3202, inputs -> check(inputs, Values.NORMAL, new Compress(4, true, true), 0, 8, 5, false));
    }

    /// One window at a time, and the overlapping ones with the window before in front.
    @Test void oneCallOrManyGiveTheSameEntries() {
        withInputs(3300, inputs -> {
            Tensor content = inputs.normal(1, 30, 34);
            Tensor gate = inputs.normal(1, 30, 34);
            try (Arena arena = Arena.ofShared()) {
                for (boolean overlap : new boolean[] {false, true}) {
                    Tensor bias = inputs.normal(4, 34);
                    Tensor whole = runBackend(arena, new Compress(4, overlap, false), content, gate, bias)[0];
                    for (int[] windows : new int[][] {{0, 1}, {1, 2}, {6, 7}, {2, 5}, {0, 7}}) {
                        boolean continued = overlap && windows[0] > 0;
                        int from = 4 * windows[0] - (continued ? 4 : 0);
                        Tensor found = runBackend(arena, new Compress(4, overlap, continued), content.slice(1, from, 4L * windows[1]), gate.slice(1, from, 4L * windows[1]), bias)[0];
                        assertArrayEquals(whole.slice(1, windows[0], windows[1]).toFloats(), found.toFloats(), "windows " + windows[0] + " to " + windows[1]);
                    }
                }
            }
        });
    }

    @Test void aGateOfMinusInfinityWeighsNothing() {
        try (Arena arena = Arena.ofShared()) {
            float none = Float.NEGATIVE_INFINITY;
            Tensor gate = Tensor.of(arena, Shape.of(1, 4, 1), none, 1f, none, none);
            Tensor found = runBackend(arena, new Compress(2, false, false), Tensor.of(arena, Shape.of(1, 4, 1), 7f, 5f, 3f, 2f), gate, Tensor.of(arena, Shape.of(2, 1), 0f, 0f))[0];
            assertArrayEquals(new float[] {5, Float.NaN}, found.toFloats());
        }
    }

    @Test void continuedWithoutOverlapIsRefused() {
        var thrown = assertThrows(IllegalArgumentException.class, () -> new Compress(4, false, true));
        assertEquals("Compress: continued needs overlap; without it no window reaches into the one before", thrown.getMessage());
    }

    @Test void rotationsOfPairsGiveTheReferencesBits() {
        long seed = 3400;
        for (Values values : Values.values()) {
            for (int[] size : new int[][] {{2, 2}, {7, 6}, {16, 16}, {33, 24}, {64, 64}, {128, 64}, {200, 70}, {512, 64}, {9, 0}}) {
                withInputs(seed++, inputs -> {
                    Tensor x = inputs.floats(values, Shape.of(2, 9, 3, size[0]));
                    Tensor table = inputs.normal(40, size[1]);
                    Tensor positions = inputs.ints(0, 40, 2, 9);
                    for (boolean inverse : new boolean[] {false, true}) {
                        assertSameBits(inputs, new RopePairs(inverse), x, table, positions);
                        assertSameBits(inputs, new RopePairs(inverse), inputs.view(x), inputs.view(table), inputs.view(positions));
                    }
                });
            }
        }
    }

    @Test void aPositionOutsideTheTableIsRefusedByName() {
        withInputs(3500, inputs -> {
            Tensor positions = inputs.ints(9, 10, 1, 3);
            var thrown = assertThrows(IndexOutOfBoundsException.class, () -> runBackend(Arena.ofAuto(), new RopePairs(false), inputs.normal(1, 3, 2, 8), inputs.normal(9, 4), positions));
            assertEquals("position 9 of row 0, wanted 0 to 8", thrown.getMessage());
        });
    }

    @Test void hadamardRotationsGiveTheReferencesBits() {
        long seed = 3600;
        for (Values values : Values.values()) {
            for (int dim : new int[] {1, 2, 4, 8, 16, 32, 64, 128, 1024}) {
                withInputs(seed++, inputs -> {
                    Tensor x = inputs.floats(values, Shape.of(3, 7, dim));
                    assertSameBits(inputs, new Hadamard(), x);
                    assertSameBits(inputs, new Hadamard(), inputs.view(x));
                });
            }
        }
    }

    @Test void allocatesNothing() {
        withInputs(3700, inputs -> {
            if (backend().supports(Compress.class)) {
                assertNoGarbage(new Compress(4, true, false), inputs.normal(2, 200, 64), inputs.normal(2, 200, 64), inputs.normal(4, 64));
            }
            if (backend().supports(CompressGrad.class)) {
                assertNoGarbage(new CompressGrad(4, true, false, 2), inputs.normal(2, 200, 64), inputs.normal(2, 200, 64), inputs.normal(4, 64), inputs.normal(2, 50, 32),
                        since(inputs, new Compress(4, true, false), 2, 200));
            }
            if (backend().supports(RopePairs.class)) {
                assertNoGarbage(new RopePairs(false), inputs.normal(2, 90, 4, 64), inputs.normal(50, 32), inputs.ints(0, 50, 2, 90));
            }
            if (backend().supports(Hadamard.class)) {
                assertNoGarbage(new Hadamard(), inputs.normal(2, 90, 64));
            }
        });
    }
}
