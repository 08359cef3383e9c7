package dev.xiaolu.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.op.Add;
import dev.xiaolu.op.Attention;
import dev.xiaolu.op.MatMul;
import dev.xiaolu.op.Op;
import dev.xiaolu.platform.Clock;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProfileTest {
    private long now;

    /// Time stands still but for what operators and tests take.
    private final Clock clock = new Clock() {
        @Override public long nanos() {
            return now;
        }

        @Override public long wallMillis() {
            return now / 1_000_000;
        }
    };

    /// Takes a microsecond for everything.
    private final Backend slow = new Around() {
        private final Reference reference = new Reference();

        @Override public Backend within() {
            return reference;
        }

        @Override public void run(Op op, Tensor[] inputs, Tensor[] outputs) {
            now += 1000;
            reference.run(op, inputs, outputs);
        }
    };

    private static void step(Arena arena, Runnable between) {
        Tensor a = Tensor.zeros(arena, DType.F32, Shape.of(3, 5)), b = Tensor.zeros(arena, DType.F32, Shape.of(7, 5));
        Compute.within("step", () -> {
            Compute.within("forward", () -> {
                Compute.one(new MatMul(false, true), a, b);
                Compute.one(new MatMul(false, true), a, b);
                between.run();
                return Compute.one(new Add(), a, a);
            });
            return Compute.within("update", () -> Compute.one(new Add(), b, b));
        });
    }

    @Test void aStepIsTheMeanOfThoseAfterTheFirst() {
        var profile = new Profile(clock, 2, 3);
        try (Arena arena = Arena.ofConfined(); Scratch scratch = new Scratch()) {
            Compute.call(new ProfiledBackend(slow, clock, profile), scratch, () -> {
                Compute.one(new Add(), Tensor.zeros(arena, DType.F32, Shape.of(2)), Tensor.zeros(arena, DType.F32, Shape.of(2)));      // outside of steps
                for (int i = 1; i <= 6; i++) {
                    int number = i;
                    step(arena, () -> now += number == 1 ? 1_000_000 : 500 * number);
                    assertEquals(Math.clamp(i - 2, 0, 3), profile.steps());
                    assertEquals(i >= 5, profile.isDone());
                }
                return null;
            });
        }
        Profile.Part step = profile.step();
        assertEquals(List.of("forward", "update"), step.parts().stream().map(Profile.Part::name).toList());
        Profile.Part forward = step.parts().getFirst(), products = forward.parts().getFirst();
        assertEquals(6e-6, step.seconds(), 1e-12, "four operators and 0.5 µs for each of the steps 3, 4 and 5");
        assertEquals(5e-6, forward.seconds(), 1e-12);
        assertEquals("MatMul", products.name());
        assertEquals(2, products.calls());
        assertEquals(2e-6, products.seconds(), 1e-12);
        assertEquals(2 * 2 * 3 * 5 * 7, products.operations());
        assertEquals(2 * 4 * (15 + 35 + 21), products.bytes());
        assertEquals(List.of("[3, 5] [7, 5]ᵀ"), products.parts().stream().map(Profile.Part::name).toList());
        assertEquals(products.operations(), step.operations());
    }

    @Test void attentionCostsTheKeysThatQueriesSee() {
        try (Arena arena = Arena.ofConfined()) {
            Tensor q = Tensor.zeros(arena, DType.F32, Shape.of(1, 3, 4, 8)), k = Tensor.zeros(arena, DType.F32, Shape.of(1, 5, 2, 8));
            Tensor first = Tensor.of(arena, Shape.of(1, 3), 0, 2, 1), last = Tensor.of(arena, Shape.of(1, 3), 1, 1, 4);
            assertEquals(4 * 4 * 8 * (2 + 0 + 4), Cost.operations(new Attention(1), new Tensor[] {q, k, k, first, last}, new Tensor[0]));
        }
    }

    @Test void operatorsAreEventsOfAFlightRecording(@TempDir Path temp) throws Exception {
        Path file = temp.resolve("operators.jfr");
        try (var recording = new Recording()) {
            recording.start();
            try (Arena arena = Arena.ofConfined(); Scratch scratch = new Scratch(); Backend backend = Backends.open("reference", 1)) {
                assertEquals("reference", backend.name());
                Compute.call(backend, scratch, () -> {
                    step(arena, () -> {});
                    return null;
                });
            }
            recording.stop();
            recording.dump(file);
        }
        List<RecordedEvent> events = RecordingFile.readAllEvents(file).stream().filter(event -> event.getEventType().getName().equals("dev.xiaolu.Operator")).toList();
        assertEquals(List.of("MatMul", "MatMul", "Add", "Add"), events.stream().map(event -> event.getString("operator")).toList());
        assertEquals("[3, 5] [7, 5]ᵀ", events.getFirst().getString("shapes"));
        assertEquals(2 * 3 * 5 * 7, events.getFirst().getDouble("operations"));
        assertTrue(events.stream().allMatch(event -> event.getDuration().toNanos() > 0));
        assertFalse(events.stream().anyMatch(event -> event.getStackTrace() != null));
    }
}
