package dev.xiaolu.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.xiaolu.cpu.Lanes.Value;
import dev.xiaolu.tensor.Elementary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Loops made from expressions against the same operations one by one.
class LaneLoopTest {
    private static final long SEED = 20261127;
    private static final float UNTOUCHED = -77;

    @BeforeEach void machineCode() {
        assumeTrue(MachineCode.available());                     // elsewhere nothing calls these loops
    }

    @Test void everyLengthIsDoneAndNothingBehindItTouched() {
        var loop = LaneLoop.of(x -> x.store(1, x.fma(x.load(0), x.factor(1), x.factor(0))));
        try (Arena arena = Arena.ofConfined()) {
            for (int count = 0; count <= 70; count++) {
                MemorySegment from = floats(arena, 80, i -> i * 0.25f);
                MemorySegment to = floats(arena, 80, _ -> UNTOUCHED);
                assertEquals(count, call(loop, from, to).factor(0, 3).factor(1, 1.1f).run(count));
                for (int i = 0; i < 80; i++) {
                    assertEquals(i < count ? Math.fma(i * 0.25f, 1.1f, 3) : UNTOUCHED, at(to, i), "element " + i + " of " + count);
                }
            }
        }
    }

    @Test void longRunsAreCutAndPutTogether() {
        var loop = LaneLoop.of(x -> x.store(1, x.add(x.load(0), x.constant(1f))));
        int count = 3 * (1 << 16) + 5;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment values = floats(arena, count, i -> i);
            call(loop, values, values).run(count);
            for (int i = 0; i < count; i++) {
                assertEquals(i + 1f, at(values, i));
            }
        }
    }

    @Test void rowsHaveTheirOwnStrides() {
        var loop = LaneLoop.of(x -> x.store(2, x.mul(x.load(0), x.load(1))));
        try (Arena arena = Arena.ofConfined()) {
            for (int count : new int[] {1, 16, 19, 33}) {
                MemorySegment rows = floats(arena, 7 * 40, i -> i);
                MemorySegment same = floats(arena, 40, i -> i + 0.5f);
                MemorySegment to = floats(arena, 7 * count, _ -> UNTOUCHED);
                call(loop, rows, same, to).stride(0, 160).stride(2, 4L * count).rows(7, count);
                for (int i = 0; i < 7 * count; i++) {
                    assertEquals((i / count * 40 + i % count) * (i % count + 0.5f), at(to, i), "element " + i);
                }
            }
        }
    }

    @Test void tensorsBeyondTheSixthKeepTheCallersRegisters() {
        var loop = LaneLoop.of(x -> {
            Value sum = x.load(0);
            for (int i = 1; i < 10; i++) {
                sum = x.add(sum, x.load(i));
            }
            x.store(10, sum);
        });
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment[] tensors = new MemorySegment[11];
            for (int i = 0; i < 10; i++) {
                int tensor = i;
                tensors[i] = floats(arena, 20, k -> (k + 1) << tensor);
            }
            MemorySegment to = floats(arena, 20, _ -> UNTOUCHED);
            tensors[10] = to;
            LaneCall call = call(loop, tensors);
            for (int turn = 0; turn < 20_000; turn++) {          // often enough to be called from compiled code
                call.run(20);
            }
            for (int k = 0; k < 20; k++) {
                assertEquals((k + 1) * 1023f, at(to, k));
            }
        }
    }

    @Test void aLoopLeavesInFrontOfTheLanesThatDoNotFit() {
        var loop = LaneLoop.of(x -> {
            Value v = x.load(0);
            x.leaveUnless(x.less(v, x.constant(100f)));
            x.store(1, v);
        });
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment from = floats(arena, 70, i -> i == 41 || i == 66 ? Float.NaN : i);
            MemorySegment to = floats(arena, 70, _ -> UNTOUCHED);
            assertEquals(32, call(loop, from, to).run(70));
            assertEquals(31, at(to, 31));
            assertEquals(UNTOUCHED, at(to, 32));
            assertEquals(16, call(loop, from.asSlice(4 * 48), to.asSlice(4 * 48)).run(22), "the last elements too");
            assertEquals(41, call(loop, from, to).run(41), "lanes that do not exist fit");
        }
    }

    @Test void longsAndPairsTakeTwoVectors() {
        var doubled = LaneLoop.of(x -> {
            for (int half = 0; half < 2; half++) {
                Value v = x.loadLongs(0, half);
                x.storeLongs(1, half, x.addLongs(v, x.addLongs(v, x.longs(1L << 40))));
            }
        });
        var pairs = LaneLoop.of(x -> {
            x.storeWide(1, 0, x.add(x.loadWide(0, 0), x.constant(1f)));
            x.storeWide(1, 1, x.add(x.loadWide(0, 1), x.constant(1f)));
        });
        try (Arena arena = Arena.ofConfined()) {
            for (int count = 0; count < 40; count++) {
                MemorySegment longs = arena.allocate(8 * 80);
                for (int i = 0; i < 80; i++) {
                    longs.setAtIndex(ValueLayout.JAVA_LONG, i, i);
                }
                call(doubled, longs, longs).run(count);
                MemorySegment floats = floats(arena, 80, i -> i);
                call(pairs, floats, floats).run(count);
                for (int i = 0; i < 80; i++) {
                    assertEquals(i < count ? 2 * i + (1L << 40) : i, longs.getAtIndex(ValueLayout.JAVA_LONG, i));
                    assertEquals(i < 2 * count ? i + 1 : i, at(floats, i));
                }
            }
        }
    }

    @Test void aFusedProductFindsItsOperandsWhereverTheyAre() {
        // each operand in turn, or none, is of no more use afterwards; the sums tell them apart
        for (int kept = 0; kept < 8; kept++) {
            int keep = kept;
            for (int form = 0; form < 3; form++) {
                int which = form;
                var loop = LaneLoop.of(x -> {
                    Value a = x.load(0);
                    Value b = x.load(1);
                    Value c = x.load(2);
                    Value y = switch (which) {
                        case 0 -> x.fma(a, b, c);
                        case 1 -> x.minusFma(a, b, c);
                        default -> x.fmaMinus(a, b, c);
                    };
                    Value[] all = {a, b, c};
                    for (int i = 0; i < 3; i++) {
                        y = (keep >> i & 1) == 0 ? y : x.add(y, all[i]);
                    }
                    x.store(3, y);
                });
                try (Arena arena = Arena.ofConfined()) {
                    MemorySegment to = floats(arena, 1, _ -> UNTOUCHED);
                    call(loop, floats(arena, 1, _ -> 3), floats(arena, 1, _ -> 5), floats(arena, 1, _ -> 100), to).run(1);
                    float wanted = which == 0 ? 115 : which == 1 ? 85 : -85;
                    wanted += (keep & 1) * 3 + (keep >> 1 & 1) * 5 + (keep >> 2 & 1) * 100;
                    assertEquals(wanted, at(to, 0), "form " + which + ", kept " + keep);
                }
            }
        }
    }

    @Test void sumsOfRowsHaveTheOrderOfTheReference() {
        var loop = LaneLoop.rows(x -> {
            Lanes.Sum products = x.start();
            Value sum = x.sum(() -> x.load(0));
            x.sums(() -> x.accumulateProduct(products, x.load(0), x.load(1)));
            x.storeOne(2, 0, sum);
            x.storeOne(2, 1, x.total(products));
            x.each(() -> x.store(3, x.add(x.load(0), sum)));
        });
        var random = new Random(SEED);
        try (Arena arena = Arena.ofConfined()) {
            for (int count : new int[] {0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 100, 255, 256, 257}) {
                int rows = 3;
                MemorySegment a = floats(arena, rows * count, _ -> (float) random.nextGaussian());
                MemorySegment b = floats(arena, rows * count, _ -> (float) random.nextGaussian());
                MemorySegment sums = floats(arena, 2 * rows, _ -> UNTOUCHED);
                MemorySegment moved = floats(arena, rows * count, _ -> UNTOUCHED);
                call(loop, a, b, sums, moved).stride(0, 4L * count).stride(1, 4L * count).stride(2, 8).stride(3, 4L * count).rows(rows, count);
                for (int row = 0; row < rows; row++) {
                    float[] plain = new float[32];
                    float[] fused = new float[32];
                    for (int i = 0; i < count; i++) {
                        plain[i % 32] += at(a, row * count + i);
                        fused[i % 32] = Math.fma(at(a, row * count + i), at(b, row * count + i), fused[i % 32]);
                    }
                    float wanted = Halving.halve(plain);
                    assertEquals(wanted, at(sums, 2 * row), "sum of " + count);
                    assertEquals(Halving.halve(fused), at(sums, 2 * row + 1), "sum of products of " + count);
                    for (int i = 0; i < count; i++) {
                        assertEquals(at(a, row * count + i) + wanted, at(moved, row * count + i));
                    }
                }
            }
        }
    }

    @Test void theLargestElementIsThatOfTheReference() {
        var loop = LaneLoop.rows(x -> x.storeOne(1, 0, x.largest(0)));
        float[] edges = {0f, -0f, Float.MIN_VALUE, -Float.MIN_VALUE, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.MAX_VALUE, -Float.MAX_VALUE, 1, -1,
            Float.NaN, Float.intBitsToFloat(0xFFC00000)};
        var random = new Random(SEED);
        try (Arena arena = Arena.ofConfined()) {
            for (int turn = 0; turn < 2000; turn++) {
                int count = 1 + random.nextInt(70);
                int kinds = 1 + random.nextInt(edges.length);
                MemorySegment x = floats(arena, count, _ -> 0);
                float largest = Float.NEGATIVE_INFINITY;
                for (int i = 0; i < count; i++) {
                    float value = edges[random.nextInt(kinds)];
                    x.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
                    largest = Math.max(largest, value);
                }
                MemorySegment y = floats(arena, 1, _ -> UNTOUCHED);
                call(loop, x, y).rows(1, count);
                assertEquals(Float.floatToIntBits(largest), Float.floatToRawIntBits(at(y, 0)), "turn " + turn + " from seed " + SEED);
            }
        }
    }

    @Test void lanesMayHaveTheirOwnConstants() {
        var loop = LaneLoop.of(x -> x.store(1, x.rearrange(x.load(0), x.lanes(lane -> 15 - lane))));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment to = floats(arena, 32, _ -> UNTOUCHED);
            call(loop, floats(arena, 32, i -> i), to).run(32);
            for (int i = 0; i < 32; i++) {
                assertEquals(i < 16 ? 15 - i : 47 - i, at(to, i));
            }
        }
    }

    @Test void anExpressionThatNeedsTooManyRegistersIsRefused() {
        assertThrows(IllegalStateException.class, () -> LaneLoop.of(x -> {
            Value[] all = new Value[33];                         // all of use until the end
            for (int i = 0; i < all.length; i++) {
                all[i] = x.load(0);
            }
            Value sum = all[0];
            for (Value value : all) {
                sum = x.add(sum, value);
            }
            x.store(1, sum);
        }));
    }

    /// The other functions are in [VectorElementaryTest].
    @Test void wavesHaveTheBitsOfTheReference() {
        var sine = LaneLoop.of(x -> {
            LaneElementary.Waves waves = LaneElementary.waves(x, x.load(0));
            x.store(1, waves.sine());
            x.store(2, waves.cosine());
        });
        int count = 1 << 16;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment from = floats(arena, count, i -> i * 0x1p-13f);        // 0 to 8
            MemorySegment sines = arena.allocate(4L * count);
            MemorySegment cosines = arena.allocate(4L * count);
            call(sine, from, sines, cosines).run(count);
            for (int i = 0; i < count; i++) {
                assertEquals(Elementary.sin(at(from, i)), at(sines, i), "sine of " + at(from, i));
                assertEquals(Elementary.cos(at(from, i)), at(cosines, i), "cosine of " + at(from, i));
            }
        }
    }

    private static LaneCall call(LaneLoop loop, MemorySegment... tensors) {
        LaneCall call = loop.call();
        for (int i = 0; i < tensors.length; i++) {
            call.place(i, tensors[i].address());
        }
        return call;
    }

    private static MemorySegment floats(Arena arena, int count, IntToDoubleFunction value) {
        MemorySegment segment = arena.allocate(4L * count, 4);
        for (int i = 0; i < count; i++) {
            segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) value.applyAsDouble(i));
        }
        return segment;
    }

    private static float at(MemorySegment segment, int i) {
        return segment.getAtIndex(ValueLayout.JAVA_FLOAT, i);
    }
}
