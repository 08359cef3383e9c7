/// What tests share: contract suites, golden vectors, generators, faulty disks. Test scope only.
module dev.xiaolu.testkit {
    requires transitive dev.xiaolu.core;
    requires dev.xiaolu.store;
    requires tools.jackson.databind;
    requires transitive org.junit.jupiter.api;
    requires org.junit.jupiter.params;
    requires java.management;
    requires jdk.management;

    exports dev.xiaolu.testkit;
}
