/// The commands of `xiaolu`.
package dev.xiaolu.cli;
