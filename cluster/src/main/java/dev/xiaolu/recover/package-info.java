/// The control plane of a run on several ranks, as pure functions: a state and an event give the next state and what is to be done.
///
/// Nothing here knows time, threads, sockets or files; who calls [Control] brings the events and carries the actions out. `docs/protocol.md`, "Control plane", tells the whole.
package dev.xiaolu.recover;
