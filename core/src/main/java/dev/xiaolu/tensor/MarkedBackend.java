package dev.xiaolu.tensor;

import dev.xiaolu.op.Op;
import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/// A backend whose operators are events of a flight recording. Closes the one within.
///
/// @param within runs the operators
record MarkedBackend(Backend within) implements Around {
    /// One operator, from its beginning to its end.
    @Name("dev.xiaolu.Operator")
    @Label("Operator")
    @Description("One operator of a model, from its beginning to its end")
    @Category("Xiaolu")
    @StackTrace(false)
    static final class Operator extends Event {
        @Label("Operator")
        String operator;
        @Label("Shapes")
        @Description("Those of the first two inputs")
        String shapes;
        @Label("Operations")
        @Description("Of products, a multiply-add counted as two")
        double operations;
        @Label("Bytes")
        @Description("Of inputs and outputs, each element once")
        double bytes;
    }

    @Override public void run(Op op, Tensor[] inputs, Tensor[] outputs) {
        var event = new Operator();
        event.begin();
        within.run(op, inputs, outputs);
        event.end();
        if (event.shouldCommit()) {
            event.operator = op.name();
            event.shapes = Profile.shapes(op, inputs);
            event.operations = Cost.operations(op, inputs, outputs);
            event.bytes = Cost.bytes(op, inputs, outputs);
            event.commit();
        }
    }
}
