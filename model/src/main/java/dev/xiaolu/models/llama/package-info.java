/// The Llama family: Llama 2 and 3, Qwen3 dense.
package dev.xiaolu.models.llama;
