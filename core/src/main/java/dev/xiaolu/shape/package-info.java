/// Values without data: element types, shapes and strides.
package dev.xiaolu.shape;
