/// Tensors and configs on disk.
module dev.xiaolu.store {
    requires transitive dev.xiaolu.core;
    requires tools.jackson.databind;

}
