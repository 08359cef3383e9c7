/// A run in a simulated world: the control plane that real runs have, with time, network, disk and arithmetic made up, and faults from a seed.
module dev.xiaolu.sim {
    requires transitive dev.xiaolu.cluster;

    exports dev.xiaolu.sim;
}
