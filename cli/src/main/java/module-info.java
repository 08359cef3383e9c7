/// The one program; the only place that puts the parts together.
module dev.xiaolu.cli {
    requires dev.xiaolu.train;
    requires dev.xiaolu.bench;
    requires dev.xiaolu.sim;
    requires info.picocli;
    requires org.jline;
    requires tools.jackson.databind;
    requires jdk.management;
    requires java.management;
    requires jdk.unsupported;

    opens dev.xiaolu.cli to info.picocli;
}
