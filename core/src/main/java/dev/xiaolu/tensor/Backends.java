package dev.xiaolu.tensor;

import dev.xiaolu.platform.InputException;
import java.util.Comparator;
import java.util.List;
import java.util.ServiceLoader;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import jdk.jfr.FlightRecorder;

/// The backends that this program was started with.
public final class Backends {
    private Backends() {}

    /// Every provider found, best first; the reference is always there and always last.
    public static List<BackendProvider> all() {
        return Stream.concat(ServiceLoader.load(BackendProvider.class).stream().map(ServiceLoader.Provider::get), Stream.of(Reference.PROVIDER))
                .sorted(Comparator.comparing(BackendProvider::preference).reversed().thenComparing(BackendProvider::name)).toList();
    }

    /// Opens the backend of this name, or the best one for `auto`. While a flight recording goes on, its operators are events of it.
    public static Backend open(String name, int threads) {
        Backend opened = unmarked(name, threads);
        return FlightRecorder.isInitialized() ? new MarkedBackend(opened) : opened;
    }

    private static Backend unmarked(String name, int threads) {
        List<BackendProvider> all = all();
        if (name.equals("auto")) {
            return all.getFirst().open(threads);
        }
        return all.stream().filter(provider -> provider.name().equals(name)).findFirst()
                .orElseThrow(() -> InputException.of("backend '%s' is not here; wanted one of auto, %s", name,
                        all.stream().map(BackendProvider::name).collect(Collectors.joining(", "))))
                .open(threads);
    }
}
