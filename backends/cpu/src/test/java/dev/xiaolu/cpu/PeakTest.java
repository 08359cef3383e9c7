package dev.xiaolu.cpu;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.tensor.Backends;
import org.junit.jupiter.api.Test;

class PeakTest {
    /// An interpreted or boxed loop reaches some tens of millions of operations a second; the slowest vector unit some billions.
    @Test void thePeakIsThatOfVectorsAndNotOfBoxes() {
        try (var backend = Backends.open("cpu", 1)) {
            double peak = backend.measurePeak().orElseThrow();
            assertTrue(peak > 1e9 && peak < 1e13, "peak of one thread is " + peak + " operations a second");
        }
    }

    @Test void bandwidthIsThatOfAMemory() {
        try (var backend = Backends.open("cpu", 2)) {
            double bandwidth = backend.measureBandwidth().orElseThrow();
            assertTrue(bandwidth > 1e8 && bandwidth < 1e13, "bandwidth is " + bandwidth + " bytes a second");
        }
    }

    @Test void theReferenceKnowsNoPeak() {
        try (var backend = Backends.open("reference", 1)) {
            assertTrue(backend.measurePeak().isEmpty() && backend.measureBandwidth().isEmpty());
        }
    }
}
