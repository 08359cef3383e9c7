/// The event log of the coordinator, in one process or replicated among several so that any of them may die.
module dev.xiaolu.consensus {
    requires transitive dev.xiaolu.cluster;
    requires java.logging;
    requires microraft;
    requires org.slf4j;                                                  // for microraft, which has no descriptor to say so

    exports dev.xiaolu.consensus;
}
