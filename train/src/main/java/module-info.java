/// The run: data as a function of the step, optimizers, the training loop with checkpoints, and its report.
module dev.xiaolu.train {
    requires transitive dev.xiaolu.core;
    requires transitive dev.xiaolu.store;
    requires transitive dev.xiaolu.cluster;
    requires dev.xiaolu.consensus;
    requires transitive dev.xiaolu.model;
    requires tools.jackson.databind;
    requires tools.jackson.dataformat.yaml;
    requires java.logging;
    requires jdk.httpserver;
    requires io.prometheus.metrics.model;
    requires io.prometheus.writer.text;
    requires dev.hardwood.core;
    requires com.github.luben.zstd_jni;

    exports dev.xiaolu.data;
    exports dev.xiaolu.optim;
    exports dev.xiaolu.rank;
    exports dev.xiaolu.status;
    exports dev.xiaolu.train;

    opens dev.xiaolu.data to tools.jackson.databind;             // which writes the records of manifests
    opens dev.xiaolu.rank to tools.jackson.databind;             // and what ranks and replicas of a coordinator say to each other
    opens dev.xiaolu.status to tools.jackson.databind;           // which writes and reads those of a status
}
