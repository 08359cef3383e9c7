package dev.xiaolu.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.xiaolu.testkit.ForkedJvm;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;

/// Machine code and the Vector API are two ways to one result; where there is no machine code the other way must stand alone.
class MachineCodeTest {
    @Test void resultsKeepTheirBitsWithoutMachineCode() {
        ForkedJvm.runTests(List.of("-Dxiaolu.cpu.machineCode=false"), CpuMatMulTest.class, CpuElementsTest.class, CpuRowsTest.class, CpuHyperTest.class,
                CpuRouterTest.class, CpuExpertsTest.class, PeakTest.class);
    }

    @Test void thereIsMachineCodeOnLinuxWithWideVectors() {
        boolean wanted = System.getProperty("os.name").toLowerCase(Locale.ROOT).equals("linux") && System.getProperty("os.arch").equals("amd64") && Vectors.BITS == 512;
        assertEquals(wanted, MachineCode.available());
    }
}
