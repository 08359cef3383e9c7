package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Assembler.Gp.R10;
import static dev.xiaolu.cpu.Assembler.Gp.R11;
import static dev.xiaolu.cpu.Assembler.Gp.R12;
import static dev.xiaolu.cpu.Assembler.Gp.R13;
import static dev.xiaolu.cpu.Assembler.Gp.R14;
import static dev.xiaolu.cpu.Assembler.Gp.R15;
import static dev.xiaolu.cpu.Assembler.Gp.R8;
import static dev.xiaolu.cpu.Assembler.Gp.R9;
import static dev.xiaolu.cpu.Assembler.Gp.RAX;
import static dev.xiaolu.cpu.Assembler.Gp.RBP;
import static dev.xiaolu.cpu.Assembler.Gp.RBX;
import static dev.xiaolu.cpu.Assembler.Gp.RCX;
import static dev.xiaolu.cpu.Assembler.Gp.RDI;
import static dev.xiaolu.cpu.Assembler.Gp.RDX;
import static dev.xiaolu.cpu.Assembler.Gp.RSI;
import static dev.xiaolu.cpu.Assembler.Gp.RSP;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.xiaolu.cpu.Assembler.Gp;
import dev.xiaolu.cpu.Assembler.If;
import dev.xiaolu.cpu.Assembler.Label;
import dev.xiaolu.cpu.Assembler.Mem;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/// [AttentionTiles#product] in machine code: 8 rows against strips of 32 columns, each element one ascending chain of `fma` that goes on from a sum so far.
///
/// `a`, the sums and the results lie in one array on the heap, which the call holds in place for as long as it runs: some microseconds.
final class StripCode {
    private static final int ROWS = AttentionTiles.ROWS;
    private static final int STRIP_BYTES = 128;
    private static final Gp[] SAVED = {RBX, RBP, R12, R13, R14, R15};
    private static final int ON_STACK = 8 * (SAVED.length + 1);  // the seventh argument and those behind it
    private static final int B_LEFT = 28;
    private static final int B_RIGHT = 29;
    private static final int FACTOR = 30;                        // and 31, in turns

    private static final MethodHandle CODE = MachineCode.install(emit(),
            FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));

    private StripCode() {}

    /// As [AttentionTiles#product]; positions and distances in `h` count floats, those in `b` bytes.
    static void product(float[] h, int atA, int rowA, int stepA, MemorySegment b, long atB, long stepB, int count, int start, int rowStart, int atC, int rowC, int columns) {
        if (columns == 0) {
            return;                                              // the code counts strips down from at least one
        }
        try {
            CODE.invokeExact(MemorySegment.ofArray(h), 4L * atA, 4L * rowA, 4L * stepA, b.address() + atB, stepB, (long) count, 4L * start, 4L * rowStart, 4L * atC, 4L * rowC,
                    (long) columns * 4 / STRIP_BYTES);
        } catch (Throwable thrown) {
            throw MachineCode.unchecked(thrown);
        }
    }

    private static Assembler emit() {
        var code = new Assembler();
        for (Gp register : SAVED) {
            code.push(register);
        }
        code.add(RSI, RDI);                                      // a
        code.lea(R10, Mem.at(RDX, RDX, 2));                      // 3, 5 and 7 rows of a
        code.lea(R11, Mem.at(RDX, RDX, 4));
        code.lea(RBX, Mem.at(R10, RDX, 4));
        code.mov(R12, Mem.at(RSP, ON_STACK + 8));                // sums so far
        code.add(R12, RDI);
        code.mov(R13, Mem.at(RSP, ON_STACK + 16));
        code.mov(R14, Mem.at(RSP, ON_STACK + 24));               // results
        code.add(R14, RDI);
        code.mov(R15, Mem.at(RSP, ON_STACK + 40));               // strips
        var strip = new Label();
        var step = new Label();
        var done = new Label();
        code.here(strip);
        code.mov(RAX, R12);
        for (int row = 0; row < ROWS; row++) {
            code.vmovups(2 * row, Mem.at(RAX, 0));
            code.vmovups(2 * row + 1, Mem.at(RAX, 64));
            code.add(RAX, R13);
        }
        code.mov(RAX, RSI);
        code.mov(RBP, R8);
        code.mov(RDI, Mem.at(RSP, ON_STACK));                    // steps
        code.test(RDI, RDI);
        code.jump(If.EQUAL, done);
        code.align(32);
        code.here(step);
        code.vmovups(B_LEFT, Mem.at(RBP, 0));
        code.vmovups(B_RIGHT, Mem.at(RBP, 64));
        for (int row = 0; row < ROWS; row++) {
            int factor = FACTOR + row % 2;
            code.vbroadcastss(factor, element(row));
            code.vfmadd231ps(2 * row, factor, B_LEFT);
            code.vfmadd231ps(2 * row + 1, factor, B_RIGHT);
        }
        code.add(RAX, RCX);
        code.add(RBP, R9);
        code.sub(RDI, 1);
        code.jump(If.NOT_EQUAL, step);
        code.here(done);
        code.mov(RAX, R14);
        code.mov(RDI, Mem.at(RSP, ON_STACK + 32));
        for (int row = 0; row < ROWS; row++) {
            code.vmovups(Mem.at(RAX, 0), 2 * row);
            code.vmovups(Mem.at(RAX, 64), 2 * row + 1);
            code.add(RAX, RDI);
        }
        code.add(R8, STRIP_BYTES);
        code.add(R12, STRIP_BYTES);
        code.add(R14, STRIP_BYTES);
        code.sub(R15, 1);
        code.jump(If.NOT_EQUAL, strip);
        code.vzeroupper();
        for (int i = SAVED.length - 1; i >= 0; i--) {
            code.pop(SAVED[i]);
        }
        code.ret();
        return code;
    }

    /// This step's element of one row.
    private static Mem element(int row) {
        return switch (row) {
            case 0 -> Mem.at(RAX, 0);
            case 1, 2, 4 -> Mem.at(RAX, RDX, row);
            case 3, 6 -> Mem.at(RAX, R10, row / 3);
            case 5 -> Mem.at(RAX, R11, 1);
            case 7 -> Mem.at(RAX, RBX, 1);
            default -> throw new IllegalArgumentException("row " + row);
        };
    }
}
