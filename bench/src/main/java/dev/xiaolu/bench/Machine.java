package dev.xiaolu.bench;

import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import java.util.LinkedHashMap;
import java.util.Map;

/// What a bench says of the place where it ran.
final class Machine {
    private Machine() {}

    /// System, processors, JDK and backend, in order; the caller may add to it.
    static Map<String, String> setting(String backendName) {
        var setting = new LinkedHashMap<String, String>();
        setting.put("system", System.getProperty("os.name") + " " + System.getProperty("os.arch") + ", " + Runtime.getRuntime().availableProcessors() + " processors");
        setting.put("jdk", System.getProperty("java.vm.name") + " " + Runtime.version());
        try (Backend backend = Backends.open(backendName, 1)) {
            setting.put("backend", backend.name() + ", " + backend.describe());
        }
        return setting;
    }

    static String threads(int count) {
        return count == 1 ? "1 thread" : count + " threads";
    }
}
