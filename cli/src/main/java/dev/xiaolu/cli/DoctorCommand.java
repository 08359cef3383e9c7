package dev.xiaolu.cli;

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.OperatingSystemMXBean;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.BackendProvider;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.SelfTest;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// Looks at the machine: what it is, how fast it is, and whether it computes the right bits.
@Command(name = "doctor", header = {"Looks at this machine: JDK, processor, measured peak and bandwidth, and whether its bits are right.", ""},
        footer = {"", "Exits with 1 where something is unfit.", "", "Example:  ./xiaolu doctor"})
final class DoctorCommand extends Action {
    private static final List<String> TELLING = List.of("avx", "avx2", "fma", "avx512f", "avx512bw", "avx512vl", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_int8", "amx_bf16",
            "asimd", "asimddp", "sve", "sve2", "i8mm", "bf16");

    @Option(names = "--json", description = "Prints a JSON list of objects.")
    private boolean json;

    @Option(names = "--threads", paramLabel = "N", description = "Threads of the measurements; 0, the default, is one for each processor.")
    private int threads;

    private final Table table = new Table("what", "found", "verdict");
    private boolean sound = true;

    DoctorCommand(Console console) {
        super(console);
    }

    @Override public Integer call() {
        String unfit = Main.unfit(Runtime.version());
        line("JDK", Version.jdk(), unfit.isEmpty(), unfit);
        boolean compact = flag("UseCompactObjectHeaders");
        line("object headers", compact ? "compact" : "usual", !compact, "JDK 25 corrupts strings with them; take -XX:+UseCompactObjectHeaders out");
        line("system", "%s %s, %s".formatted(System.getProperty("os.name"), System.getProperty("os.version"), System.getProperty("os.arch")), true, "");
        line("processor", processor(), true, "");
        line("features", features(), true, "");
        line("processors", Integer.toString(Runtime.getRuntime().availableProcessors()), true, "");
        long memory = ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getTotalMemorySize();
        line("memory", "%.1f GiB, heap up to %.1f GiB".formatted(memory / 0x1p30, Runtime.getRuntime().maxMemory() / 0x1p30), true, "");
        for (BackendProvider provider : Backends.all()) {
            backend(provider);
        }
        table.print(out(), json);
        return sound ? DONE : FAILED;
    }

    private void backend(BackendProvider provider) {
        String name = provider.name();
        try (Backend backend = provider.open(threads)) {
            line(name, backend.describe(), true, "");
            measured(name + " peak", backend.measurePeak(), 1e9, "GFLOP/s in F32");
            measured(name + " bandwidth", backend.measureBandwidth(), 1e9, "GB/s read and written");
            long begun = System.nanoTime();
            List<SelfTest.Mismatch> faults = SelfTest.run(backend);
            String found = faults.isEmpty() ? "every operator gives the bits on record, %.1f s".formatted((System.nanoTime() - begun) / 1e9) : "other bits";
            line(name + " self-test", found, faults.isEmpty(), faults.stream().map(SelfTest.Mismatch::toString).collect(Collectors.joining("; ")));
        } catch (InputException missing) {
            line(name, "cannot be opened", false, missing.getMessage());
        }
    }

    private void measured(String what, OptionalDouble value, double unit, String words) {
        if (value.isPresent()) {
            line(what, String.format(Locale.ROOT, "%.1f %s", value.getAsDouble() / unit, words), true, "");
        }
    }

    private void line(String what, String found, boolean fit, String remedy) {
        sound &= fit;
        table.row(what, found, fit ? "ok" : "unfit: " + remedy);
    }

    private static boolean flag(String name) {
        try {
            return ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class).getVMOption(name).getValue().equals("true");
        } catch (IllegalArgumentException noSuchFlag) {
            return false;
        }
    }

    /// The processor's name, as the system tells it.
    private static String processor() {
        return Stream.concat(fields("/proc/cpuinfo", "model name").stream(), asked("sysctl", "-n", "machdep.cpu.brand_string").stream()).filter(text -> !text.isBlank()).findFirst()
                .orElse(System.getProperty("os.arch"));
    }

    /// Those features of the processor that decide which kernels are fast.
    private static String features() {
        List<String> told = Stream.of(fields("/proc/cpuinfo", "flags"), fields("/proc/cpuinfo", "Features"), asked("sysctl", "-n", "machdep.cpu.features"), asked("sysctl", "-n", "machdep.cpu.leaf7_features"))
                .flatMap(List::stream).flatMap(line -> Arrays.stream(line.toLowerCase(Locale.ROOT).split("\\s+"))).distinct().toList();
        String known = TELLING.stream().filter(told::contains).collect(Collectors.joining(" "));
        return known.isEmpty() ? "not told by the system" : known;
    }

    /// The first value of a field in a file of `field : value` lines.
    private static List<String> fields(String file, String field) {
        try (Stream<String> lines = Files.lines(Path.of(file))) {
            return lines.filter(line -> line.startsWith(field)).map(line -> line.substring(line.indexOf(':') + 1).strip()).limit(1).toList();
        } catch (IOException notThisSystem) {
            return List.of();
        }
    }

    /// What a program of the system answers; nothing where there is no such program.
    private static List<String> asked(String... command) {
        if (!System.getProperty("os.name").startsWith("Mac")) {
            return List.of();
        }
        try {
            Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
            String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            return process.waitFor(5, TimeUnit.SECONDS) && process.exitValue() == 0 ? List.of(text) : List.of();
        } catch (IOException noSuchProgram) {
            return List.of();
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
            return List.of();
        }
    }
}
