package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Assembler.Gp.RCX;
import static dev.xiaolu.cpu.Assembler.Gp.RDI;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.xiaolu.cpu.Assembler.If;
import dev.xiaolu.cpu.Assembler.Label;
import dev.xiaolu.cpu.Assembler.Mem;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/// The loop of [Peak] in machine code, which is at full speed from its first turn on. Compiled from Java it takes the compiler's time just when training begins, and is objects until then.
final class PeakCode {
    private static final int LEFT = 30;
    private static final int RIGHT = 31;
    private static final int STEPS = 0;
    private static final int FACTORS = 64;
    private static final MethodHandle CODE = MachineCode.install(emit());

    private PeakCode() {}

    /// Runs [Peak#CHAINS] chains of so many multiply-adds on registers.
    static void run(int steps) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment words = arena.allocate(FACTORS + 4L * 2 * Vectors.LANES, 64);
            words.set(JAVA_LONG, STEPS, steps);
            for (int lane = 0; lane < 2 * Vectors.LANES; lane++) {
                words.setAtIndex(JAVA_FLOAT, FACTORS / 4 + lane, Peak.FACTOR);
            }
            MachineCode.call(CODE, words);
        }
    }

    private static Assembler emit() {
        var code = new Assembler();
        code.mov(RCX, Mem.at(RDI, STEPS));
        code.vmovups(LEFT, Mem.at(RDI, FACTORS));
        code.vmovups(RIGHT, Mem.at(RDI, FACTORS + 64));
        for (int chain = 0; chain < Peak.CHAINS; chain++) {
            code.zero(chain);
        }
        var step = new Label();
        code.align(32);
        code.here(step);
        for (int chain = 0; chain < Peak.CHAINS; chain++) {
            code.vfmadd231ps(chain, LEFT, RIGHT);
        }
        code.sub(RCX, 1);
        code.jump(If.NOT_EQUAL, step);
        code.vzeroupper();
        code.ret();
        return code;
    }
}
