package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Assembler.Gp.R10;
import static dev.xiaolu.cpu.Assembler.Gp.R11;
import static dev.xiaolu.cpu.Assembler.Gp.R8;
import static dev.xiaolu.cpu.Assembler.Gp.R9;
import static dev.xiaolu.cpu.Assembler.Gp.RAX;
import static dev.xiaolu.cpu.Assembler.Gp.RCX;
import static dev.xiaolu.cpu.Assembler.Gp.RDI;
import static dev.xiaolu.cpu.Assembler.Gp.RDX;
import static dev.xiaolu.cpu.Assembler.Gp.RSI;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.xiaolu.cpu.Assembler.Gp;
import dev.xiaolu.cpu.Assembler.If;
import dev.xiaolu.cpu.Assembler.Label;
import dev.xiaolu.cpu.Assembler.Mem;
import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;

/// Brings operands into the order in which [TileCode] reads them, in machine code: pieces that take the address of their words, and one that takes places.
final class PackCode {
    /// Copies steps that lie in rows of memory into panels, up to 16 floats of each step to each panel, and zeros behind them.
    static final MethodHandle COPY_ONE;
    /// The same with two vectors, up to 32 floats.
    static final MethodHandle COPY_TWO;
    // Their words: source and bytes to its next step; target and bytes to its next step; steps*; panels; bytes between panels, at the source and at the target;
    // lanes of a whole panel's two vectors, lanes of the last one's, as bits.
    static final int FROM = 0, FROM_STEP = 8, TO = 16, TO_STEP = 24, STEPS = 32, PANELS = 40, FROM_PANEL = 48, TO_PANEL = 56;
    static final int LEFT = 64, RIGHT = 72, LAST_LEFT = 80, LAST_RIGHT = 88;

    /// Turns 16 rows of memory into 16 columns of steps.
    static final MethodHandle TURN;
    // Its words: target, bytes between its steps, steps, then the addresses of the 16 rows.
    static final int INTO = 0, INTO_STEP = 8, DEPTH = 16, ROWS = 24;
    static final int WORDS = 19;

    /// Turns squares of 16 by 16 floats that follow each other, of type `(long from, long stride, long last, long squares, long to, long step)void`: rows behind the last one repeat it.
    private static final MethodHandle SQUARES;
    private static final int LANES = 16;

    static {
        COPY_ONE = MachineCode.install(copy(1));
        COPY_TWO = MachineCode.install(copy(2));
        TURN = MachineCode.install(turn());
        SQUARES = MachineCode.install(squares(), FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    }

    private PackCode() {}

    /// What [Transpose#squares] does, with addresses for its places.
    static void squares(long from, long stride, long last, long squares, long to, long step) {
        if (squares == 0) {
            return;
        }
        try {
            SQUARES.invokeExact(from, stride, last, squares, to, step);
        } catch (Throwable thrown) {
            throw MachineCode.unchecked(thrown);
        }
    }

    private static Assembler squares() {
        var code = new Assembler();
        var square = new Label();
        code.here(square);
        code.mov(RAX, RDI);
        code.vmovups(0, Mem.at(RAX, 0));
        code.mov32(R11, 0);
        for (int row = 1; row < LANES; row++) {
            code.mov(R10, RSI);
            code.cmp(RDX, row);
            code.cmovLess(R10, R11);                             // no further than the last one
            code.add(RAX, R10);
            code.vmovups(row, Mem.at(RAX, 0));
        }
        square(code);
        for (int column = 0; column < LANES; column++) {
            code.vmovups(Mem.at(R8, 0), column);
            code.add(R8, R9);
        }
        code.add(RDI, 4 * LANES);
        code.sub(RCX, 1);
        code.jump(If.NOT_EQUAL, square);
        code.vzeroupper();
        code.ret();
        return code;
    }

    private static Assembler copy(int vectors) {
        var code = new Assembler();
        Gp from = R8;
        Gp to = R9;
        code.mov(from, word(FROM));
        code.mov(to, word(TO));
        code.mov(R10, word(FROM_PANEL));
        code.mov(R11, word(TO_PANEL));
        mask(code, 1, LEFT);
        mask(code, 2, RIGHT);
        mask(code, 3, LAST_LEFT);
        mask(code, 4, LAST_RIGHT);
        var step = new Label();
        var panel = new Label();
        var last = new Label();
        code.here(step);
        code.mov(RSI, from);
        code.mov(RDX, to);
        code.mov(RCX, word(PANELS));
        code.here(panel);
        code.cmp(RCX, 1);
        code.jump(If.EQUAL, last);
        move(code, vectors, 1);
        code.add(RSI, R10);
        code.add(RDX, R11);
        code.sub(RCX, 1);
        code.jump(panel);
        code.here(last);
        move(code, vectors, 3);
        code.add(from, word(FROM_STEP));
        code.add(to, word(TO_STEP));
        code.sub(word(STEPS), 1);
        code.jump(If.NOT_EQUAL, step);
        code.vzeroupper();
        code.ret();
        return code;
    }

    private static void mask(Assembler code, int mask, int word) {
        code.mov(RAX, word(word));
        code.kmovw(mask, RAX);
    }

    /// Loads what exists, stores whole vectors: a store under a mask costs many times as much.
    private static void move(Assembler code, int vectors, int mask) {
        for (int i = 0; i < vectors; i++) {
            code.vmovups(i, mask + i, Mem.at(RSI, 64 * i));
            code.vmovups(Mem.at(RDX, 64 * i), i);
        }
    }

    private static Assembler turn() {
        var code = new Assembler();
        var block = new Label();
        var whole = new Label();
        var few = new Label();
        var done = new Label();
        code.mov32(RAX, 0);                                      // bytes along the rows
        code.mov(RDX, word(INTO));
        code.mov(RSI, word(INTO_STEP));
        code.mov(RCX, word(DEPTH));
        code.here(block);
        code.mov32(R8, -1);
        code.cmp(RCX, LANES);
        code.jump(If.AT_LEAST, whole);
        code.mov32(R8, 1);
        code.shlByCl(R8);
        code.sub(R8, 1);
        code.here(whole);
        code.kmovw(1, R8);
        for (int row = 0; row < LANES; row++) {
            code.mov(R9, word(ROWS + 8 * row));
            code.vmovups(row, 1, Mem.at(R9, RAX, 1));
        }
        square(code);
        code.mov(R10, RDX);
        code.cmp(RCX, LANES);
        code.jump(If.LESS, few);
        for (int step = 0; step < LANES; step++) {
            code.vmovups(Mem.at(R10, 0), step);
            code.add(R10, RSI);
        }
        code.mov(RDX, R10);
        code.add(RAX, 4 * LANES);
        code.sub(RCX, LANES);
        code.jump(If.NOT_EQUAL, block);
        code.jump(done);
        code.here(few);
        for (int step = 0; step < LANES; step++) {
            code.vmovups(Mem.at(R10, 0), step);
            code.add(R10, RSI);
            code.cmp(RCX, step + 1);
            code.jump(If.EQUAL, done);
        }
        code.here(done);
        code.vzeroupper();
        code.ret();
        return code;
    }

    /// Transposes the 16 by 16 floats of registers 0 to 15 in place; 16 to 31 are spoilt.
    static void square(Assembler code) {
        for (int row = 0; row < LANES; row += 2) {               // pairs of rows, then fours: lane of 128 bits `q` of register 4j+c holds column 4q+c of rows 4j to 4j+3
            code.vunpcklps(LANES + row, row, row + 1);
            code.vunpckhps(LANES + row + 1, row, row + 1);
        }
        for (int row = 0; row < LANES; row += 4) {
            int pair = LANES + row;
            code.vunpcklpd(row, pair, pair + 2);
            code.vunpckhpd(row + 1, pair, pair + 2);
            code.vunpcklpd(row + 2, pair + 1, pair + 3);
            code.vunpckhpd(row + 3, pair + 1, pair + 3);
        }
        for (int c = 0; c < 4; c++) {                            // then quarters among the four registers of each c
            int spare = LANES + 4 * c;
            code.lanesBy(Evex.VSHUFF32X4, spare, c, 4 + c, 0x44);
            code.lanesBy(Evex.VSHUFF32X4, spare + 1, 8 + c, 12 + c, 0x44);
            code.lanesBy(Evex.VSHUFF32X4, spare + 2, c, 4 + c, 0xEE);
            code.lanesBy(Evex.VSHUFF32X4, spare + 3, 8 + c, 12 + c, 0xEE);
            code.lanesBy(Evex.VSHUFF32X4, c, spare, spare + 1, 0x88);
            code.lanesBy(Evex.VSHUFF32X4, 4 + c, spare, spare + 1, 0xDD);
            code.lanesBy(Evex.VSHUFF32X4, 8 + c, spare + 2, spare + 3, 0x88);
            code.lanesBy(Evex.VSHUFF32X4, 12 + c, spare + 2, spare + 3, 0xDD);
        }
    }

    private static Mem word(int offset) {
        return Mem.at(RDI, offset);
    }
}
