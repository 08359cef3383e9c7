package dev.xiaolu.tensor;

/// Makes a backend; registered as a service by each backend module.
public interface BackendProvider {
    /// The backend's name.
    String name();

    /// Higher is tried first when nobody names a backend.
    int preference();

    /// Opens the backend with `threads` threads (0: one for each processor); throws [dev.xiaolu.platform.InputException] where the device is missing or unfit.
    Backend open(int threads);
}
