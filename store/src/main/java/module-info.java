/// Tensors and configs on disk.
module dev.xiaolu.store {
    requires transitive dev.xiaolu.core;
    requires transitive tools.jackson.databind;

    exports dev.xiaolu.store;
}
