package dev.xiaolu.cpu;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Encodes the x86-64 and AVX-512 instructions that emitted kernels use, one method each, operands in Intel's order: target first.
///
/// General registers are 64 bits wide, vectors 512, jumps take 32-bit offsets. Only what a kernel here needs exists. Source: Intel 64 and IA-32 Architectures
/// Software Developer's Manual, volume 2, sections 2.1 to 2.7. One thread.
final class Assembler {
    /// The general registers, in the order of their numbers.
    enum Gp { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 }

    /// Conditions of jumps, with their codes.
    enum If {
        EQUAL(4), NOT_EQUAL(5), BELOW(2), NOT_BELOW(3), LESS(12), AT_LEAST(13), GREATER(15);

        private final int code;

        If(int code) {
            this.code = code;
        }
    }

    /// Memory at `base + index · scale + disp`; no index where `index` is null.
    record Mem(Gp base, Gp index, int scale, int disp) {
        static Mem at(Gp base, int disp) {
            return new Mem(base, null, 1, disp);
        }

        static Mem at(Gp base, Gp index, int scale) {
            return new Mem(base, index, scale, 0);
        }
    }

    /// A place in the code that jumps go to.
    static final class Label {
        private final List<Integer> jumps = new ArrayList<>();
        private int place = -1;
    }

    private static final int VECTOR = 64;                        // bytes; what a short displacement of a vector counts in
    private static final int FLOAT = 4;

    private byte[] code = new byte[1024];
    private int size;

    /// The code so far.
    byte[] bytes() {
        return Arrays.copyOf(code, size);
    }

    /// Bytes so far.
    int size() {
        return size;
    }

    /// Lets the next instruction begin at a multiple of `bytes`, a power of two, with instructions that do nothing before it.
    void align(int bytes) {
        while ((size & bytes - 1) != 0) {
            put(0x90);
        }
    }

    /// Makes `label` the place of the next instruction; jumps to it may stand before or behind.
    void here(Label label) {
        label.place = size;
        label.jumps.forEach(jump -> offset(jump, label.place));
    }

    // --- general registers ---------------------------------------------------------------------------------------------

    void mov(Gp to, Mem from) {
        wide(0x8B, to.ordinal(), from);
    }

    void mov(Mem to, Gp from) {
        wide(0x89, from.ordinal(), to);
    }

    void mov(Gp to, Gp from) {
        wide(0x8B, to.ordinal(), from);
    }

    /// Loads 32 bits, the upper half becoming zero.
    void mov32(Gp to, int value) {
        if (to.ordinal() >= 8) {
            put(0x41);
        }
        put(0xB8 | to.ordinal() & 7);
        put32(value);
    }

    void mov64(Gp to, long value) {
        put(0x48 | to.ordinal() >> 3);
        put(0xB8 | to.ordinal() & 7);
        put32((int) value);
        put32((int) (value >> 32));
    }

    void lea(Gp to, Mem from) {
        wide(0x8D, to.ordinal(), from);
    }

    void add(Gp to, Gp from) {
        wide(0x03, to.ordinal(), from);
    }

    void add(Gp to, Mem from) {
        wide(0x03, to.ordinal(), from);
    }

    void add(Mem to, Gp from) {
        wide(0x01, from.ordinal(), to);
    }

    void add(Gp to, int value) {
        immediate(0, to, value);
    }

    void and(Gp to, Gp from) {
        wide(0x23, to.ordinal(), from);
    }

    void and(Gp to, int value) {
        immediate(4, to, value);
    }

    void sub(Gp to, Gp from) {
        wide(0x2B, to.ordinal(), from);
    }

    void sub(Gp to, int value) {
        immediate(5, to, value);
    }

    /// Subtracts a small number in memory.
    void sub(Mem to, int value) {
        wide(0x83, 5, to);
        put(value);
    }

    void cmp(Gp left, Gp right) {
        wide(0x3B, left.ordinal(), right);
    }

    void cmp(Gp left, int value) {
        immediate(7, left, value);
    }

    /// Compares memory with a small number.
    void cmp(Mem left, int value) {
        wide(0x83, 7, left);
        put(value);
    }

    void test(Gp left, Gp right) {
        wide(0x85, right.ordinal(), left);
    }

    /// Tests the low 32 bits against a mask.
    void test(Gp left, int mask) {
        if (left.ordinal() >= 8) {
            put(0x41);
        }
        put(0xF7);
        put(0xC0 | left.ordinal() & 7);
        put32(mask);
    }

    void not(Gp to) {
        wide(0xF7, 2, to);
    }

    void shr(Gp to, int bits) {
        wide(0xC1, 5, to);
        put(bits);
    }

    /// Shifts left by the low six bits of `RCX`.
    void shlByCl(Gp to) {
        wide(0xD3, 4, to);
    }

    /// Moves where the last result was zero.
    void cmovZero(Gp to, Mem from) {
        wide(0x0F44, to.ordinal(), from);
    }

    /// Moves where the last comparison found less.
    void cmovLess(Gp to, Gp from) {
        wide(0x0F4C, to.ordinal(), from);
    }

    void push(Gp from) {
        if (from.ordinal() >= 8) {
            put(0x41);
        }
        put(0x50 | from.ordinal() & 7);
    }

    void pop(Gp to) {
        if (to.ordinal() >= 8) {
            put(0x41);
        }
        put(0x58 | to.ordinal() & 7);
    }

    void jump(Label to) {
        put(0xE9);
        reference(to);
    }

    void jump(If condition, Label to) {
        put(0x0F);
        put(0x80 | condition.code);
        reference(to);
    }

    void ret() {
        put(0xC3);
    }

    // --- vectors: `zmm` is 0..31, `mask` 1..7, or 0 for every lane -------------------------------------------------------

    /// Loads 16 floats.
    void vmovups(int zmm, Mem from) {
        evex(0x10, 1, 0, 0, zmm, 0, from, VECTOR, 0, false);
    }

    /// Loads the floats of the mask and +0 for the others, which are not touched.
    void vmovups(int zmm, int mask, Mem from) {
        evex(0x10, 1, 0, 0, zmm, 0, from, VECTOR, mask, true);
    }

    /// Stores the floats of the mask.
    void vmovups(Mem to, int mask, int zmm) {
        evex(0x11, 1, 0, 0, zmm, 0, to, VECTOR, mask, false);
    }

    /// Stores 16 floats.
    void vmovups(Mem to, int zmm) {
        vmovups(to, 0, zmm);
    }

    /// Loads 16 floats that stand in the code itself.
    void vmovups(int zmm, Label from) {
        prefix(1, 0, 0, zmm, 0, 0, 0, 0, false);
        put(0x10);
        put((zmm & 7) << 3 | 5);
        reference(from);
    }

    /// Puts 32 bits that are no instruction.
    void data(int value) {
        put32(value);
    }

    /// One float in every lane.
    void vbroadcastss(int zmm, Mem from) {
        evex(0x18, 2, 1, 0, zmm, 0, from, FLOAT, 0, false);
    }

    /// `sum = fma(a, b, sum)`.
    void vfmadd231ps(int sum, int a, int b) {
        evex(0xB8, 2, 1, 0, sum, a, b);
    }

    /// `to = a + b`.
    void vaddps(int to, int a, Mem b) {
        evex(0x58, 1, 0, 0, to, a, b, VECTOR, 0, false);
    }

    /// `to = +0` in every lane.
    void zero(int to) {
        evex(0xEF, 1, 1, 0, to, to, to);
    }

    /// `to = a op b`; instructions of one operand take it as `b`, and `a` is 0.
    void lanes(Evex op, int to, int a, int b) {
        evex(op, to, a, b, 0);
    }

    /// The same where the lanes of a mask matter.
    void lanes(Evex op, int to, int a, int b, int mask) {
        evex(op, to, a, b, mask);
    }

    /// The same with a constant behind it.
    void lanesBy(Evex op, int to, int a, int b, int constant) {
        evex(op, to, a, b, 0);
        put(constant);
    }

    /// `to = of` shifted by so many bits.
    void shift(Evex op, int to, int of, int bits) {
        evex(op, op.extension(), to, of, 0);
        put(bits);
    }

    /// Stores the lowest lane.
    void vmovss(Mem to, int zmm) {
        int start = size;
        evex(0x11, 1, 2, 0, zmm, 0, to, FLOAT, 0, false);
        code[start + 3] &= ~0x40;                                // the length is ignored; 0 is what others write
    }

    /// Loads the longs of the mask, 0 for every one, and 0 for the others, which are not touched.
    void loadLongs(int zmm, int mask, Mem from) {
        evex(0x6F, 1, 2, 1, zmm, 0, from, VECTOR, mask, mask != 0);
    }

    /// Stores the longs of the mask, 0 for every one.
    void storeLongs(Mem to, int mask, int zmm) {
        evex(0x7F, 1, 2, 1, zmm, 0, to, VECTOR, mask, false);
    }

    void vunpcklps(int to, int a, int b) {
        evex(0x14, 1, 0, 0, to, a, b);
    }

    void vunpckhps(int to, int a, int b) {
        evex(0x15, 1, 0, 0, to, a, b);
    }

    void vunpcklpd(int to, int a, int b) {
        evex(0x14, 1, 1, 1, to, a, b);
    }

    void vunpckhpd(int to, int a, int b) {
        evex(0x15, 1, 1, 1, to, a, b);
    }

    /// The low 16 bits as a mask.
    void kmovw(int mask, Gp from) {
        boolean high = from.ordinal() >= 8;
        put(high ? 0xC4 : 0xC5);
        if (high) {
            put(0xC1);                                           // R and X inverted, B, map 1
            put(0x78);
        } else {
            put(0xF8);
        }
        put(0x92);
        put(0xC0 | mask << 3 | from.ordinal() & 7);
    }

    /// Sets the carry if every one of the 16 lanes is in the mask.
    void kortestw(int mask) {
        put(0xC5);
        put(0xF8);
        put(0x98);
        put(0xC0 | mask << 3 | mask);
    }

    /// Asks for a cache line in the first level.
    void prefetcht0(Mem of) {
        rex(false, 1, of);
        put(0x0F);
        put(0x18);
        memory(1, of, 1);
    }

    void vzeroupper() {
        put(0xC5);
        put(0xF8);
        put(0x77);
    }

    // --- encodings -------------------------------------------------------------------------------------------------------

    private void wide(int opcode, int reg, Mem rm) {
        rex(true, reg, rm);
        opcode(opcode);
        memory(reg, rm, 1);
    }

    private void wide(int opcode, int reg, Gp rm) {
        put(0x48 | reg >> 3 << 2 | rm.ordinal() >> 3);
        opcode(opcode);
        put(0xC0 | (reg & 7) << 3 | rm.ordinal() & 7);
    }

    private void immediate(int reg, Gp rm, int value) {
        boolean small = value == (byte) value;
        wide(small ? 0x83 : 0x81, reg, rm);
        if (small) {
            put(value);
        } else {
            put32(value);
        }
    }

    private void opcode(int opcode) {
        if (opcode > 0xFF) {
            put(opcode >> 8);
        }
        put(opcode);
    }

    private void rex(boolean wide, int reg, Mem rm) {
        int bits = (wide ? 8 : 0) | reg >> 3 << 2 | high(rm.index) << 1 | high(rm.base);
        if (bits != 0) {
            put(0x40 | bits);
        }
    }

    private static int high(Gp register) {
        return register == null ? 0 : register.ordinal() >> 3;
    }

    private void evex(int opcode, int map, int prefix, int wide, int reg, int second, Mem rm, int unit, int mask, boolean zeroing) {
        prefix(map, prefix, wide, reg, second, high(rm.index), high(rm.base), mask, zeroing);
        put(opcode);
        memory(reg, rm, unit);
    }

    private void evex(Evex op, int reg, int second, int rm, int mask) {
        evex(op.opcode, op.map, op.prefix, op.wide, reg, second, rm, mask);
    }

    private void evex(int opcode, int map, int prefix, int wide, int reg, int second, int rm) {
        evex(opcode, map, prefix, wide, reg, second, rm, 0);
    }

    private void evex(int opcode, int map, int prefix, int wide, int reg, int second, int rm, int mask) {
        prefix(map, prefix, wide, reg, second, rm >> 4, rm >> 3 & 1, mask, false);
        put(opcode);
        put(0xC0 | (reg & 7) << 3 | rm & 7);
    }

    /// The four bytes before the opcode; register bits are stored inverted.
    private void prefix(int map, int prefix, int wide, int reg, int second, int x, int b, int mask, boolean zeroing) {
        put(0x62);
        put((~reg >> 3 & 1) << 7 | (~x & 1) << 6 | (~b & 1) << 5 | (~reg >> 4 & 1) << 4 | map);
        put(wide << 7 | (~second & 15) << 3 | 4 | prefix);
        put((zeroing ? 0x80 : 0) | 0x40 | (~second >> 4 & 1) << 3 | mask);
    }

    /// The operand bytes; a displacement that is a small multiple of `unit` takes one byte.
    private void memory(int reg, Mem rm, int unit) {
        boolean sib = rm.index != null || (rm.base.ordinal() & 7) == 4;
        boolean needed = (rm.base.ordinal() & 7) == 5;           // these bases mean something else without a displacement
        boolean small = rm.disp % unit == 0 && rm.disp / unit == (byte) (rm.disp / unit);
        int mode = rm.disp == 0 && !needed ? 0 : small ? 1 : 2;
        put(mode << 6 | (reg & 7) << 3 | (sib ? 4 : rm.base.ordinal() & 7));
        if (sib) {
            int index = rm.index == null ? 4 : rm.index.ordinal() & 7;
            put(Integer.numberOfTrailingZeros(rm.scale) << 6 | index << 3 | rm.base.ordinal() & 7);
        }
        if (mode == 1) {
            put(rm.disp / unit);
        } else if (mode == 2) {
            put32(rm.disp);
        }
    }

    private void reference(Label to) {
        to.jumps.add(size);
        put32(0);
        if (to.place >= 0) {
            offset(to.jumps.getLast(), to.place);
        }
    }

    private void offset(int jump, int place) {
        int distance = place - (jump + 4);
        for (int i = 0; i < 4; i++) {
            code[jump + i] = (byte) (distance >> 8 * i);
        }
    }

    private void put32(int value) {
        for (int i = 0; i < 4; i++) {
            put(value >> 8 * i);
        }
    }

    private void put(int value) {
        if (size == code.length) {
            code = Arrays.copyOf(code, 2 * size);
        }
        code[size++] = (byte) value;
    }
}
