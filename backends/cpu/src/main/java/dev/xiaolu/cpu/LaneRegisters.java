package dev.xiaolu.cpu;

import dev.xiaolu.cpu.Lanes.Kind;
import dev.xiaolu.cpu.Lanes.Step;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;

/// Which register holds what each step of [Lanes] makes.
///
/// Constants keep theirs, from 31 downwards; a value has one, the lowest that is free, from its step to the last that takes it. A fused multiply-add goes into the register of one of its
/// operands, if that is of no more use, and into a copy of the sum's otherwise. Where constants leave too few for values, the last of them is made anew where it is needed.
final class LaneRegisters {
    /// How a fused multiply-add finds its operands.
    enum Form {
        /// Its register held the sum.
        SUM,
        /// Its register held the first factor.
        FIRST,
        /// Its register held the second factor.
        SECOND,
        /// Its register is a new one.
        COPY
    }

    private static final int VECTORS = 32;
    private static final int FIRST_MASK = 4;                     // those below are for the last elements
    private static final int MASKS = 8;

    private final int[] registers;
    private final Form[] forms;

    private LaneRegisters(int steps) {
        registers = new int[steps];
        forms = new Form[steps];
    }

    /// A register for each step, or nothing if there are too few.
    static Optional<LaneRegisters> of(List<Step> steps) {
        var assigned = new LaneRegisters(steps.size());
        return assigned.assign(steps) ? Optional.of(assigned) : Optional.empty();
    }

    /// The same steps with the last of their constants made anew in front of each step that takes it.
    static List<Step> withoutLastConstant(List<Step> steps) {
        int gone = steps.size() - 1;
        while (gone >= 0 && steps.get(gone).kind() != Kind.CONSTANT) {
            gone--;
        }
        if (gone < 0) {
            throw new IllegalStateException("an expression of " + steps.size() + " steps needs more registers than there are");
        }
        var here = new Step(Kind.CONSTANT_HERE, null, steps.get(gone).number(), 0);
        List<Step> after = new ArrayList<>();
        int[] places = new int[steps.size()];
        for (int i = 0; i < places.length; i++) {
            if (i == gone) {
                continue;
            }
            Step step = steps.get(i);
            int[] from = step.from().clone();
            boolean made = false;
            for (int k = 0; k < from.length; k++) {
                if (from[k] == gone && !made) {
                    after.add(here);
                    made = true;
                }
                from[k] = from[k] == gone ? after.size() - 1 : places[from[k]];
            }
            places[i] = after.size();
            after.add(new Step(step.kind(), step.op(), step.number(), step.half(), from));
        }
        return after;
    }

    private boolean assign(List<Step> steps) {
        int[] last = lastUses(steps);
        var vectors = new BitSet();
        var masks = new BitSet();
        masks.set(0, FIRST_MASK);
        int constant = VECTORS;
        for (int i = 0; i < registers.length; i++) {
            if (steps.get(i).isConstant()) {
                registers[i] = --constant;
            }
        }
        for (int i = 0; i < registers.length; i++) {
            Step step = steps.get(i);
            if (step.isConstant()) {
                continue;
            }
            for (int from = 0; from < i; from++) {
                if (last[from] == i && !steps.get(from).isConstant()) {
                    (steps.get(from).isMask() ? masks : vectors).clear(registers[from]);
                }
            }
            if (step.kind() == Kind.FUSED) {
                forms[i] = form(steps, step, last, i);
            }
            if (!makesValue(step)) {
                continue;
            }
            BitSet kind = step.isMask() ? masks : vectors;
            boolean fresh = forms[i] == null || forms[i] == Form.COPY;
            registers[i] = step.kind() == Kind.TOTAL ? registers[step.from()[0]] : fresh ? kind.nextClearBit(0) : registers[step.from()[place(forms[i])]];
            kind.set(registers[i]);
            if (registers[i] >= (step.isMask() ? MASKS : constant)) {
                return false;
            }
        }
        return true;
    }

    int of(int step) {
        return registers[step];
    }

    Form form(int step) {
        return forms[step];
    }

    /// Which operand's register it takes.
    private static int place(Form form) {
        return switch (form) {
            case FIRST -> 0;
            case SECOND -> 1;
            case SUM -> 2;
            case COPY -> throw new IllegalArgumentException("a copy takes none");
        };
    }

    private static Form form(List<Step> steps, Step step, int[] last, int at) {
        for (Form form : new Form[] {Form.SUM, Form.FIRST, Form.SECOND}) {
            int from = step.from()[place(form)];
            if (last[from] == at && !steps.get(from).isConstant()) {
                return form;
            }
        }
        return Form.COPY;
    }

    private static boolean makesValue(Step step) {
        return switch (step.kind()) {
            case STORE, STORE_WIDE, STORE_LONGS, STORE_ONE, LEAVE, EACH, SUMS, END, ACCUMULATE -> false;
            default -> true;
        };
    }

    /// The last step that takes what each makes; one that is made in front of a loop and taken in it must stay until the loop ends.
    private static int[] lastUses(List<Step> steps) {
        int[] last = new int[steps.size()];
        int[] ends = new int[steps.size()];                      // of the loop that each step is in, or itself
        int[] begins = new int[steps.size()];
        int end = -1;
        for (int i = last.length - 1; i >= 0; i--) {
            Kind kind = steps.get(i).kind();
            end = kind == Kind.END ? i : end;
            ends[i] = end < 0 ? i : end;
            end = kind == Kind.EACH || kind == Kind.SUMS ? -1 : end;
        }
        int begin = -1;
        for (int i = 0; i < last.length; i++) {
            Kind kind = steps.get(i).kind();
            begin = kind == Kind.EACH || kind == Kind.SUMS ? i : begin;
            begins[i] = begin < 0 ? i : begin;
            begin = kind == Kind.END ? -1 : begin;
        }
        for (int i = 0; i < last.length; i++) {
            for (int from : steps.get(i).from()) {
                last[from] = Math.max(last[from], from < begins[i] ? ends[i] : i);
            }
        }
        return last;
    }
}
