/// The tape, and one table of gradients.
package dev.xiaolu.autograd;
