/// Machines that know nothing of models: processes that find each other, and messages that arrive.
module dev.xiaolu.cluster {
    requires transitive dev.xiaolu.core;

    exports dev.xiaolu.comm;
}
