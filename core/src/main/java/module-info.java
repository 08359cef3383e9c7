/// The ground of Xiaolu: values without data, operators as definitions, tensors, the one door to arithmetic, and the
/// reference backend. Imports nothing but the JDK.
module dev.xiaolu.core {
    requires jdk.jfr;

    exports dev.xiaolu.platform;
    exports dev.xiaolu.shape;
    exports dev.xiaolu.op;
    exports dev.xiaolu.tensor;

    uses dev.xiaolu.tensor.BackendProvider;
}
