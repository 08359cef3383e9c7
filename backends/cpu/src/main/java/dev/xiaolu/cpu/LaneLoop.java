package dev.xiaolu.cpu;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.cpu.Lanes.Kind;
import dev.xiaolu.cpu.Lanes.Step;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/// A loop over the elements of tensors in machine code, made from an expression on [Lanes]: at full speed from the first element on, while its Java form waits for the compiler.
///
/// The elements of each tensor lie side by side in rows; all tensors have rows of one length, and rows of one tensor lie at one distance, which may be 0. The last elements of a row
/// are done by the same steps under masks, so nothing behind them is read or written. Immutable; any thread may [#call] it.
final class LaneLoop {
    final int tensors;
    final int factors;
    final MemorySegment code;
    private final int[] elementBytes;

    private LaneLoop(List<Step> steps, List<int[]> patterns, LaneRegisters registers) {
        tensors = 1 + steps.stream().mapToInt(Step::tensor).max().orElseThrow();
        check(tensors <= LaneCode.MOST_TENSORS, "an expression of %d tensors, wanted at most %d", tensors, LaneCode.MOST_TENSORS);
        factors = (int) (1 + steps.stream().filter(step -> step.kind() == Kind.FACTOR).mapToLong(Step::number).max().orElse(-1));
        elementBytes = new int[tensors];
        for (Step step : steps) {
            if (step.tensor() >= 0) {
                elementBytes[step.tensor()] = step.isWide() ? 8 : 4;
            }
        }
        code = MachineCode.map(new LaneCode(steps, patterns, registers, tensors).emit());
    }

    /// The loop that does this for every element.
    ///
    /// @throws IllegalStateException if it needs more registers than there are
    static LaneLoop of(Consumer<Lanes> expression) {
        return rows(x -> x.each(() -> expression.accept(x)));
    }

    /// The loop that does this for every row.
    ///
    /// @throws IllegalStateException if it needs more registers than there are
    static LaneLoop rows(Consumer<Lanes> row) {
        var lanes = new Lanes();
        row.accept(lanes);
        List<Step> steps = List.copyOf(lanes.steps());
        Optional<LaneRegisters> registers = LaneRegisters.of(steps);
        while (registers.isEmpty()) {                            // then constants, the last ones first, are made anew wherever they are needed
            steps = LaneRegisters.withoutLastConstant(steps);
            registers = LaneRegisters.of(steps);
        }
        return new LaneLoop(steps, lanes.patterns(), registers.get());
    }

    /// One thread's use of the loop.
    LaneCall call() {
        return new LaneCall(this);
    }

    /// Bytes from one element of a tensor to the next.
    int elementBytes(int tensor) {
        return elementBytes[tensor];
    }
}
