package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Assembler.Gp.*;

import dev.xiaolu.cpu.Assembler.Gp;
import dev.xiaolu.cpu.Assembler.If;
import dev.xiaolu.cpu.Assembler.Label;
import dev.xiaolu.cpu.Assembler.Mem;
import dev.xiaolu.cpu.Lanes.Kind;
import dev.xiaolu.cpu.Lanes.Step;
import java.util.ArrayList;
import java.util.List;

/// Writes the instructions of a [LaneLoop]: constants and places once, then for each row whole vectors, and what is left of it by the same steps under masks.
final class LaneCode {
    /// What the code is given in words of 64 bits: elements of a row, where it leaves the number of those done if it ends before; rows; then for each tensor its place,
    /// for each the bytes to its next row, and the factors, each in the low half of a word.
    static final int COUNT = 0, ROWS = 1, PLACES = 2;

    private static final Gp WORDS = RDI;
    private static final Gp INDEX = RAX;
    private static final Gp LEFT = RCX;
    private static final Gp SPARE = R11;
    /// Where the tensors lie; those from the sixth on belong to the caller, and are given back.
    private static final Gp[] BASES = {RSI, RDX, R8, R9, R10, RBX, RBP, R12, R13, R14, R15};
    static final int MOST_TENSORS = BASES.length;
    private static final int OWN_BASES = 5;
    private static final int LAST = 1;                           // masks of the last elements: of a tensor with 64 bytes for 16, and of one with 128, two
    private static final int LAST_WIDE = 2;

    private final List<Step> steps;
    private final List<int[]> patterns;
    private final List<Label> places = new ArrayList<>();
    private final LaneRegisters registers;
    private final int tensors;

    LaneCode(List<Step> steps, List<int[]> patterns, LaneRegisters registers, int tensors) {
        this.steps = steps;
        this.patterns = patterns;
        this.registers = registers;
        this.tensors = tensors;
    }

    Assembler emit() {
        var code = new Assembler();
        for (int i = OWN_BASES; i < tensors; i++) {
            code.push(BASES[i]);
        }
        for (int i = 0; i < tensors; i++) {
            code.mov(BASES[i], word(PLACES + i));
        }
        patterns.forEach(_ -> places.add(new Label()));
        for (int i = 0; i < steps.size(); i++) {
            constant(code, steps.get(i), registers.of(i));
        }
        var row = new Label();
        var left = new Label();
        var end = new Label();
        code.here(row);
        for (int i = 0; i < steps.size(); i++) {
            Step step = steps.get(i);
            if (step.kind() == Kind.EACH || step.kind() == Kind.SUMS) {
                int behind = i + 1;
                while (steps.get(behind).kind() != Kind.END) {
                    behind++;
                }
                loop(code, i + 1, behind, step.kind() == Kind.SUMS ? 2 : 1, left);
                i = behind;
            } else if (!step.isConstant()) {
                step(code, i, step, 0, false, left);
            }
        }
        code.sub(word(ROWS), 1);
        code.jump(If.EQUAL, end);
        for (int i = 0; i < tensors; i++) {
            code.add(BASES[i], word(PLACES + tensors + i));
        }
        code.jump(row);
        code.here(left);
        code.mov(word(COUNT), INDEX);
        code.here(end);
        for (int i = tensors - 1; i >= OWN_BASES; i--) {
            code.pop(BASES[i]);
        }
        code.vzeroupper();
        code.ret();
        code.align(Vectors.BITS / 8);
        for (int i = 0; i < patterns.size(); i++) {
            code.here(places.get(i));
            for (int lane : patterns.get(i)) {
                code.data(lane);
            }
        }
        return code;
    }

    /// The steps from `from` to `to` for all elements of a row, so many vectors at a time.
    private void loop(Assembler code, int from, int to, int vectors, Label left) {
        var next = new Label();
        var last = new Label();
        var done = new Label();
        code.mov32(INDEX, 0);
        code.mov(LEFT, word(COUNT));
        code.align(32);
        code.here(next);
        code.sub(LEFT, vectors * Vectors.LANES);
        code.jump(If.LESS, last);
        body(code, from, to, vectors, false, left);
        code.add(INDEX, vectors * Vectors.LANES);
        code.jump(next);
        code.here(last);
        code.add(LEFT, vectors * Vectors.LANES);
        code.jump(If.EQUAL, done);
        masks(code, vectors);
        body(code, from, to, vectors, true, left);
        code.here(done);
    }

    private void constant(Assembler code, Step step, int register) {
        switch (step.kind()) {
            case CONSTANT -> everywhere(code, (int) step.number(), register);
            case CONSTANT_LONG -> {
                code.mov64(SPARE, step.number());
                code.lanes(Evex.VPBROADCASTQ, register, 0, SPARE.ordinal());
            }
            case PATTERN -> code.vmovups(register, places.get((int) step.number()));
            case FACTOR -> code.vbroadcastss(register, word(PLACES + 2 * tensors + (int) step.number()));
            default -> { }
        }
    }

    private static void everywhere(Assembler code, int value, int register) {
        code.mov32(SPARE, value);
        code.lanes(Evex.VPBROADCASTD, register, 0, SPARE.ordinal());
    }

    /// The masks of the elements that are left: of one vector, of both of a sum, of both of a tensor that has two for sixteen elements.
    private void masks(Assembler code, int vectors) {
        boolean longs = steps.stream().anyMatch(step -> step.kind() == Kind.LOAD_LONGS || step.kind() == Kind.STORE_LONGS);
        ones(code);
        code.kmovw(LAST, SPARE);
        if (vectors == 2) {
            code.shr(SPARE, Vectors.LANES);
            code.kmovw(LAST + 1, SPARE);
        } else if (longs) {
            code.kmovw(LAST_WIDE, SPARE);
            code.shr(SPARE, Vectors.LANES / 2);
            code.kmovw(LAST_WIDE + 1, SPARE);
        } else {
            code.add(LEFT, LEFT);                                // two floats for each
            ones(code);
            code.kmovw(LAST_WIDE, SPARE);
            code.shr(SPARE, Vectors.LANES);
            code.kmovw(LAST_WIDE + 1, SPARE);
        }
    }

    /// As many ones as elements are left, fewer than 32.
    private static void ones(Assembler code) {
        code.mov32(SPARE, 1);
        code.shlByCl(SPARE);
        code.sub(SPARE, 1);
    }

    private void body(Assembler code, int from, int to, int vectors, boolean few, Label left) {
        for (int vector = 0; vector < vectors; vector++) {
            for (int i = from; i < to; i++) {
                Step step = steps.get(i);
                if (!step.isConstant()) {
                    step(code, i, step, vector, few, left);
                }
            }
        }
    }

    private void step(Assembler code, int at, Step step, int vector, boolean few, Label left) {
        int to = registers.of(at);
        int a = step.from().length > 0 ? registers.of(step.from()[0]) : 0;
        int b = step.from().length > 1 ? registers.of(step.from()[1]) : 0;
        switch (step.kind()) {
            case LOAD, LOAD_WIDE -> {
                if (few) {
                    code.vmovups(to, mask(step, vector), place(step, vector));
                } else {
                    code.vmovups(to, place(step, vector));
                }
            }
            case LOAD_LONGS -> code.loadLongs(to, few ? mask(step, vector) : 0, place(step, vector));
            case STORE, STORE_WIDE -> code.vmovups(place(step, vector), few ? mask(step, vector) : 0, a);
            case STORE_LONGS -> code.storeLongs(place(step, vector), few ? mask(step, vector) : 0, a);
            case PLAIN -> {
                if (step.from().length == 1) {
                    code.lanes(step.op(), to, 0, a);
                } else {
                    code.lanes(step.op(), to, a, b);
                }
            }
            case BY -> code.lanesBy(step.op(), to, a, b, (int) step.number());
            case SHIFT -> code.shift(step.op(), to, a, (int) step.number());
            case UPPER -> code.lanesBy(step.op(), a, 0, to, 1);
            case COMPARE -> code.lanesBy(step.op(), to, a, b, (int) step.number());
            case BLEND -> code.lanes(step.op(), to, a, b, registers.of(step.from()[2]));
            case FUSED -> fused(code, step.op(), to, a, b, registers.of(step.from()[2]), registers.form(at));
            case CONSTANT_HERE -> everywhere(code, (int) step.number(), to);
            case LOAD_ONE -> code.vbroadcastss(to, Mem.at(BASES[step.tensor()], 4 * step.half()));
            case STORE_ONE -> code.vmovss(Mem.at(BASES[step.tensor()], 4 * step.half()), a);
            case START -> everywhere(code, (int) step.number(), to);
            case ACCUMULATE -> accumulate(code, step, vector == 0 ? a : b, few ? LAST + vector : 0);
            case TOTAL -> total(code, step.op(), to, b);
            case LEAVE -> {
                code.kortestw(a);
                code.jump(If.NOT_BELOW, left);
            }
            default -> throw new IllegalStateException(step.kind() + " within a loop");
        }
    }

    private static void fused(Assembler code, Evex sum, int to, int a, int b, int c, LaneRegisters.Form form) {
        switch (form) {
            case SUM -> code.lanes(sum, to, a, b);
            case FIRST -> code.lanes(sum.factorFirst(), to, b, c);
            case SECOND -> code.lanes(sum.factorFirst(), to, a, c);
            case COPY -> {
                code.lanes(Evex.VMOVAPS, to, 0, c);
                code.lanes(sum, to, a, b);
            }
        }
    }

    /// Lanes that do not exist stay as they are.
    private void accumulate(Assembler code, Step step, int lanes, int mask) {
        int value = registers.of(step.from()[2]);
        if (step.from().length == 4) {
            code.lanes(step.op(), lanes, value, registers.of(step.from()[3]), mask);
        } else {
            code.lanes(step.op(), lanes, lanes, value, mask);
        }
    }

    /// Joins lane `j` of `to` with that of `other`, then with `j` ^ 8, 4, 2, 1, so that all come to the same.
    private static void total(Assembler code, Evex join, int to, int other) {
        code.lanes(join, to, to, other);
        for (int swap : new int[] {0x4E, 0xB1}) {
            code.lanesBy(Evex.VSHUFF32X4, other, to, to, swap);
            code.lanes(join, to, to, other);
        }
        for (int swap : new int[] {0x4E, 0xB1}) {
            code.lanesBy(Evex.VPERMILPS, other, 0, to, swap);
            code.lanes(join, to, to, other);
        }
    }

    private static int mask(Step step, int vector) {
        return step.isWide() ? LAST_WIDE + step.half() : LAST + vector;
    }

    private static Mem place(Step step, int vector) {
        boolean wide = step.isWide();
        return new Mem(BASES[step.tensor()], INDEX, wide ? 8 : 4, wide ? 64 * step.half() : 64 * vector);
    }

    private static Mem word(int index) {
        return Mem.at(WORDS, 8 * index);
    }
}
