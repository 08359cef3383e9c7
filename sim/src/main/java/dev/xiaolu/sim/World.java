package dev.xiaolu.sim;

/// What a simulated rank lives in.
record World(Scenario scenario, Timeline timeline, Network network, CheckpointDisk disk, Truth truth, Flips flips) {}
