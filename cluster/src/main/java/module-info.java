/// Machines that know nothing of models: processes that find each other, messages that arrive, and what is done when a process is lost.
module dev.xiaolu.cluster {
    requires transitive dev.xiaolu.core;

    exports dev.xiaolu.comm;
    exports dev.xiaolu.recover;
}
