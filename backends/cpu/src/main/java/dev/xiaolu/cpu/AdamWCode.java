package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Assembler.Gp.R10;
import static dev.xiaolu.cpu.Assembler.Gp.R8;
import static dev.xiaolu.cpu.Assembler.Gp.R9;
import static dev.xiaolu.cpu.Assembler.Gp.RAX;
import static dev.xiaolu.cpu.Assembler.Gp.RCX;
import static dev.xiaolu.cpu.Assembler.Gp.RDI;
import static dev.xiaolu.cpu.Assembler.Gp.RDX;
import static dev.xiaolu.cpu.Assembler.Gp.RSI;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.xiaolu.cpu.Assembler.Gp;
import dev.xiaolu.cpu.Assembler.If;
import dev.xiaolu.cpu.Assembler.Label;
import dev.xiaolu.cpu.Assembler.Mem;
import dev.xiaolu.op.AdamW;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/// The loop of [AdamWKernel] in machine code.
///
/// It goes through every parameter once in a step, so it must be fast in the first step already. And in its Java form, by the luck of what was compiled before, the
/// compiler may hoist a check out of the loop that fails in some tensor of every step; then the kernel is thrown away and compiled anew for a hundred times.
final class AdamWCode {
    /// Elements of one call: less than a millisecond.
    static final int PIECE = 1 << 16;

    private static final int VECTOR_BYTES = 64;
    private static final int BETA1 = 16;                         // registers of the factors, in the order of [#factors]
    private static final int BETA2 = 17;
    private static final int BACK = 18;
    private static final int REST1 = 19;
    private static final int REST2 = 20;
    private static final int GRAD_SCALE = 21;
    private static final int ROOT_CORRECTION2 = 22;
    private static final int EPSILON = 23;
    private static final int KEEP = 24;
    private static final int GRAD = 0;
    private static final int FIRST = 1;
    private static final int SECOND = 2;
    private static final int PARAM = 3;
    private static final int BEFORE = 4;                         // a moment as it was
    private static final int STEP = 5;
    private static final MethodHandle CODE = MachineCode.install(emit(),
            FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS));

    private AdamWCode() {}

    /// What a step multiplies, divides and adds by, for [#step].
    static MemorySegment factors(AdamW op) {
        return MemorySegment.ofArray(new float[] {
            op.beta1(), op.beta2(), -op.stepSize(), op.rest1(), op.rest2(), op.gradScale(), op.rootCorrection2(), op.epsilon(), op.keep()});
    }

    /// One step of `count` elements, at most [#PIECE], at these addresses.
    static void step(MemorySegment factors, long param, long grad, long m, long v, long count) {
        try {
            CODE.invokeExact(param, grad, m, v, count, factors);
        } catch (Throwable thrown) {
            throw MachineCode.unchecked(thrown);
        }
    }

    private static Assembler emit() {
        var code = new Assembler();
        for (int factor = BETA1; factor <= KEEP; factor++) {
            code.vbroadcastss(factor, Mem.at(R9, 4 * (factor - BETA1)));
        }
        code.mov(R10, RCX);                                      // the second moment; the last mask needs its register
        var next = new Label();
        var last = new Label();
        var done = new Label();
        code.align(32);
        code.here(next);
        code.cmp(R8, Vectors.LANES);
        code.jump(If.LESS, last);
        lanes(code, 0);
        for (Gp place : new Gp[] {RDI, RSI, RDX, R10}) {
            code.add(place, VECTOR_BYTES);
        }
        code.sub(R8, Vectors.LANES);
        code.jump(next);
        code.here(last);
        code.test(R8, R8);
        code.jump(If.EQUAL, done);
        code.mov(RCX, R8);
        code.mov32(RAX, -1);
        code.shlByCl(RAX);
        code.not(RAX);
        code.kmovw(1, RAX);
        lanes(code, 1);
        code.here(done);
        code.vzeroupper();
        code.ret();
        return code;
    }

    /// One vector of every tensor, or the lanes of a mask.
    private static void lanes(Assembler code, int mask) {
        load(code, GRAD, mask, RSI);
        code.vmulps(GRAD, GRAD, GRAD_SCALE);
        load(code, BEFORE, mask, RDX);
        code.vmulps(FIRST, GRAD, REST1);
        code.vfmadd231ps(FIRST, BETA1, BEFORE);
        load(code, BEFORE, mask, R10);
        code.vmulps(SECOND, GRAD, REST2);
        code.vmulps(SECOND, SECOND, GRAD);
        code.vfmadd231ps(SECOND, BETA2, BEFORE);
        code.vsqrtps(STEP, SECOND);
        code.vdivps(STEP, STEP, ROOT_CORRECTION2);
        code.vaddps(STEP, STEP, EPSILON);
        code.vdivps(STEP, FIRST, STEP);
        load(code, PARAM, mask, RDI);
        code.vmulps(PARAM, PARAM, KEEP);
        code.vfmadd231ps(PARAM, BACK, STEP);
        code.vmovups(Mem.at(RDI, 0), mask, PARAM);
        code.vmovups(Mem.at(RDX, 0), mask, FIRST);
        code.vmovups(Mem.at(R10, 0), mask, SECOND);
    }

    private static void load(Assembler code, int register, int mask, Gp from) {
        if (mask == 0) {
            code.vmovups(register, Mem.at(from, 0));
        } else {
            code.vmovups(register, mask, Mem.at(from, 0));
        }
    }
}
