/// Speed: products, whole training steps and decoding, measured in turns with peers in other people's libraries.
module dev.xiaolu.bench {
    requires transitive dev.xiaolu.core;
    requires dev.xiaolu.model;
    requires dev.xiaolu.train;
    requires jdk.management;
    requires tools.jackson.databind;

    exports dev.xiaolu.bench;
}
