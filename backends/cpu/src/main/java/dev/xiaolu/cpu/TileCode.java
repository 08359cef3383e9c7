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
import static dev.xiaolu.op.Numerics.LEAF;

import dev.xiaolu.cpu.Assembler.Gp;
import dev.xiaolu.cpu.Assembler.If;
import dev.xiaolu.cpu.Assembler.Label;
import dev.xiaolu.cpu.Assembler.Mem;
import java.lang.invoke.MethodHandle;

/// The matrix product in machine code: up to 14 rows of `op(a)` against panels of 32 columns of `op(b)`, one panel after the other. Steps of either may lie anywhere in memory, evenly spaced.
///
/// A tile's sums fill 28 registers, each lane one chain of `fma` over the 256 steps of a leaf. After each leaf the nodes that wait for it are added, smallest first, as the bits of
/// a binary counter say; then the sum waits itself, or is stored as the result if it is the root. Nodes of the lowest levels wait in memory that all tiles share, the others in a place of the tile's own,
/// so that the summed axis may be cut into several calls. There is one piece of code for each number of rows; none reads an element that does not exist.
final class TileCode {
    static final int MOST_ROWS = 14;
    static final int COLUMNS = 32;
    /// Bytes of one step of a panel.
    static final long STEP = 4L * COLUMNS;

    // The argument's words, as byte offsets; calls change those marked *.
    /// First element of `op(a)`; bytes to the next row; bytes to the next step.
    static final int A = 0, A_ROW = 8, A_STEP = 16;
    /// First panel*, bytes to the next panel, panels*.
    static final int B = 24, PANEL = 32, PANELS = 40;
    /// Bytes from one step of a panel to the next.
    static final int B_STEP = 136;
    /// Lanes that exist in the two vectors of the last panel, as bits.
    static final int LEFT = 48, RIGHT = 56;
    /// Steps of the summed axis in this call; index of its first leaf; 1 if its last leaf is the root's.
    static final int DEPTH = 64, FIRST_LEAF = 72, ENDS = 80;
    /// Memory for the lowest levels of nodes, the number of those levels (at least 1), the tile's own memory*, bytes to that of the next tile.
    static final int SHARED = 88, LEVELS = 96, OWN = 104, OWN_STEP = 112;
    /// First result*, bytes to the next row.
    static final int Y = 120, Y_ROW = 128;
    static final int WORDS = 18;

    private static final int UNROLL = 4;
    private static final int B_LEFT = 28;
    private static final int B_RIGHT = 29;
    private static final int FACTOR = 30;                        // and 31, in turns
    private static final Gp[] SAVED = {RBX, RBP, R12, R13, R14, R15};

    private static final MethodHandle[] CODE = new MethodHandle[MOST_ROWS + 1];

    static {
        for (int rows = 1; rows <= MOST_ROWS; rows++) {
            CODE[rows] = MachineCode.install(new TileCode(rows).emit());
        }
    }

    private final int rows;
    private final Assembler code = new Assembler();

    private TileCode(int rows) {
        this.rows = rows;
    }

    /// Code of type `(long)void` for tiles of so many rows; its argument is the address of [#WORDS] words.
    static MethodHandle of(int rows) {
        return CODE[rows];
    }

    /// Bytes of one node of a tile.
    static long nodeBytes(int rows) {
        return rows * STEP;
    }

    private Assembler emit() {
        for (Gp register : SAVED) {
            code.push(register);
        }
        code.mov(R8, word(A_ROW));                               // odd multiples of the row's bytes; the scales of addresses give the even ones
        code.lea(R9, Mem.at(R8, R8, 2));
        code.lea(R10, Mem.at(R8, R8, 4));
        code.lea(R11, Mem.at(R9, R8, 4));
        code.lea(RBX, Mem.at(R8, R8, 8));
        code.lea(R12, Mem.at(R9, R8, 8));
        code.lea(R13, Mem.at(R10, R8, 8));
        code.mov(RSI, word(A_STEP));
        var panel = new Label();
        code.here(panel);
        panel();
        code.mov(RAX, word(PANEL));
        code.add(word(B), RAX);
        code.mov(RAX, word(OWN_STEP));
        code.add(word(OWN), RAX);
        code.mov32(RAX, (int) STEP);
        code.add(word(Y), RAX);
        code.sub(word(PANELS), 1);
        code.jump(If.NOT_EQUAL, panel);
        code.vzeroupper();
        for (int i = SAVED.length - 1; i >= 0; i--) {
            code.pop(SAVED[i]);
        }
        code.ret();
        return code;
    }

    /// One tile: its leaves, its nodes, its result.
    private void panel() {
        masks();
        code.mov(RAX, word(A));
        code.mov(RDX, word(B));
        code.mov(R14, word(FIRST_LEAF));
        code.mov(RBP, word(DEPTH));                              // steps that are left
        var leaf = new Label();
        var node = new Label();
        var done = new Label();
        code.here(leaf);
        leaf();
        merge();
        code.add(R14, 1);
        code.test(RBP, RBP);
        code.jump(If.NOT_EQUAL, node);
        code.cmp(word(ENDS), 0);
        code.jump(If.EQUAL, node);
        result();
        code.jump(done);
        code.here(node);
        for (int i = 0; i < 2 * rows; i++) {
            code.vmovups(Mem.at(R15, 64 * i), i);
        }
        code.test(RBP, RBP);
        code.jump(If.NOT_EQUAL, leaf);
        code.here(done);
    }

    /// Masks 1 and 2 say which columns of the panel exist.
    private void masks() {
        var last = new Label();
        var set = new Label();
        code.cmp(word(PANELS), 1);
        code.jump(If.EQUAL, last);
        code.mov32(RAX, -1);
        code.kmovw(1, RAX);
        code.kmovw(2, RAX);
        code.jump(set);
        code.here(last);
        code.mov(RAX, word(LEFT));
        code.kmovw(1, RAX);
        code.mov(RAX, word(RIGHT));
        code.kmovw(2, RAX);
        code.here(set);
    }

    /// The chains of one leaf, from +0.
    private void leaf() {
        code.mov32(R15, LEAF);
        code.cmp(RBP, R15);
        code.cmovLess(R15, RBP);
        code.sub(RBP, R15);
        code.mov(RCX, word(B_STEP));
        code.add(RCX, RCX);                                      // eight times that are 16 steps ahead
        for (int i = 0; i < 2 * rows; i++) {
            code.zero(i);
        }
        var many = new Label();
        var few = new Label();
        var one = new Label();
        var done = new Label();
        code.sub(R15, UNROLL);
        code.jump(If.LESS, few);
        code.align(32);
        code.here(many);
        for (int i = 0; i < UNROLL; i++) {
            step();
        }
        code.sub(R15, UNROLL);
        code.jump(If.AT_LEAST, many);
        code.here(few);
        code.add(R15, UNROLL);
        code.jump(If.EQUAL, done);
        code.here(one);
        step();
        code.sub(R15, 1);
        code.jump(If.NOT_EQUAL, one);
        code.here(done);
    }

    private void step() {
        code.vmovups(B_LEFT, 1, Mem.at(RDX, 0));
        code.vmovups(B_RIGHT, 2, Mem.at(RDX, 64));
        code.prefetcht0(new Mem(RDX, RCX, 8, 0));
        code.prefetcht0(new Mem(RDX, RCX, 8, 64));
        code.prefetcht0(new Mem(RAX, RSI, 8, 0));
        code.prefetcht0(new Mem(RAX, RSI, 8, 4 * (rows - 1)));
        for (int row = 0; row < rows; row++) {
            int factor = FACTOR + row % 2;
            code.vbroadcastss(factor, element(row));
            code.vfmadd231ps(2 * row, factor, B_LEFT);
            code.vfmadd231ps(2 * row + 1, factor, B_RIGHT);
        }
        code.add(RAX, RSI);
        code.add(RDX, word(B_STEP));
    }

    /// This step's element of one row.
    private static Mem element(int row) {
        return switch (row) {
            case 0 -> Mem.at(RAX, 0);
            case 1, 2, 4, 8 -> Mem.at(RAX, R8, row);
            case 3, 6, 12 -> Mem.at(RAX, R9, row / 3);
            case 5, 10 -> Mem.at(RAX, R10, row / 5);
            case 7 -> Mem.at(RAX, R11, 1);
            case 9 -> Mem.at(RAX, RBX, 1);
            case 11 -> Mem.at(RAX, R12, 1);
            case 13 -> Mem.at(RAX, R13, 1);
            default -> throw new IllegalArgumentException("row " + row);
        };
    }

    /// Adds the nodes that wait for the leaf of index R14: every set bit for the last leaf of all, else the ones below the lowest zero.
    /// R15 is left at the place of the next level.
    private void merge() {
        var root = new Label();
        var part = new Label();
        var level = new Label();
        var next = new Label();
        var done = new Label();
        code.mov(RCX, R14);
        code.test(RBP, RBP);
        code.jump(If.NOT_EQUAL, part);
        code.cmp(word(ENDS), 0);
        code.jump(If.NOT_EQUAL, root);
        code.here(part);
        code.lea(R15, Mem.at(R14, 1));
        code.not(R15);
        code.and(RCX, R15);
        code.here(root);
        code.mov(R15, word(SHARED));
        code.mov(RSI, word(LEVELS));
        code.here(level);
        code.test(RCX, RCX);
        code.jump(If.EQUAL, done);
        code.test(RCX, 1);
        code.jump(If.EQUAL, next);
        for (int i = 0; i < 2 * rows; i++) {
            code.vaddps(i, i, Mem.at(R15, 64 * i));
        }
        code.here(next);
        code.add(R15, (int) nodeBytes(rows));
        code.sub(RSI, 1);
        code.cmovZero(R15, word(OWN));
        code.shr(RCX, 1);
        code.jump(level);
        code.here(done);
        code.mov(RSI, word(A_STEP));
    }

    private void result() {
        code.mov(RCX, word(Y));
        code.mov(R15, word(Y_ROW));
        for (int row = 0; row < rows; row++) {
            code.vmovups(Mem.at(RCX, 0), 1, 2 * row);
            code.vmovups(Mem.at(RCX, 64), 2, 2 * row + 1);
            if (row + 1 < rows) {
                code.add(RCX, R15);
            }
        }
    }

    private static Mem word(int offset) {
        return Mem.at(RDI, offset);
    }
}
