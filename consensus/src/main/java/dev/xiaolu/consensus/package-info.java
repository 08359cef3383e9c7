/// The event log of the coordinator: one order of events in every replica, whoever of them dies. `docs/protocol.md`, "Coordinator replicas", tells what is guaranteed.
package dev.xiaolu.consensus;
