/// Tensors in off-heap memory, the one door to arithmetic ([dev.xiaolu.tensor.Compute]), and the reference backend that defines every operator's bits.
package dev.xiaolu.tensor;
