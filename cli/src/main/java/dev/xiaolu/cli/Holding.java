package dev.xiaolu.cli;

import dev.xiaolu.models.deepseek4.DeepSeekV4Weights;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/// The option that says where a model's weights are during inference; it changes time and memory, never a bit.
final class Holding {
    /// Part of the machine's memory that weights may fill before they are left in their files.
    private static final double PART = 0.75;

    enum Where {
        /// Mapped where F32 would not fit into memory.
        auto,
        /// F32 in memory.
        held,
        /// In their files, quantised as they are; read and widened each time they are used.
        mapped
    }

    @Option(names = "--weights", paramLabel = "WHERE", defaultValue = "auto",
            description = "Where weights are: held (F32 in memory), mapped (in their files, DeepSeek-V4 only: experts are read as they are chosen) or auto (the default: mapped if F32 does not fit into memory).")
    private Where where = Where.auto;

    /// Whether the weights in this folder stay in their files.
    boolean isMapped(Path folder) {
        if (ModelFolder.Family.of(folder) != ModelFolder.Family.DEEPSEEK_V4) {
            if (where == Where.mapped) {
                throw WrongUsage.of("--weights is mapped, wanted held or auto for %s: weights of this family are held in memory", folder);
            }
            return false;
        }
        return where == Where.mapped || where == Where.auto && Float.BYTES * (double) DeepSeekV4Weights.config(folder).parameterCount() > PART * memory();
    }

    private static long memory() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getTotalMemorySize();
    }
}
