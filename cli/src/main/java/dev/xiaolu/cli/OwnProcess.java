package dev.xiaolu.cli;

import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// The command line of this program, for processes of the same kind.
final class OwnProcess {
    private OwnProcess() {}

    /// Runs the same program on the same JDK with the same options of the VM, and these words.
    static List<String> command(String... words) {
        var command = new ArrayList<String>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        for (String option : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
            boolean place = option.startsWith("-Dxiaolu.errors") || option.startsWith("--module-path") || option.startsWith("-agentlib") || option.startsWith("-javaagent");
            if (!place) {
                command.add(option);
            }
        }
        String modules = System.getProperty("jdk.module.path", "");
        if (modules.isEmpty()) {
            command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
        } else {
            command.addAll(List.of("-p", modules, "-m", Main.class.getModule().getName() + "/" + Main.class.getName()));
        }
        command.addAll(List.of(words));
        return command;
    }
}
