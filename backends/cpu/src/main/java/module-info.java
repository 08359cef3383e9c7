/// Kernels for the CPU on the Vector API; found at run time, imported by nobody.
module dev.xiaolu.cpu {
    requires dev.xiaolu.core;
    requires java.management;
    requires jdk.incubator.vector;

    provides dev.xiaolu.tensor.BackendProvider with dev.xiaolu.cpu.CpuProvider;
}
