/// The transport: messages between processes, exactly once and in order, through broken connections and past strangers.
package dev.xiaolu.comm;
