/// Every operator, one record each: what it takes and gives, and the order in which it does its arithmetic.
///
/// A record here is a definition without code that computes: `dev.xiaolu.tensor.Reference` says the same in plain loops, and
/// each backend must give the same bits. The common rules (leaves, lanes, trees, attention) are in `docs/numerics.md`.
package dev.xiaolu.op;
