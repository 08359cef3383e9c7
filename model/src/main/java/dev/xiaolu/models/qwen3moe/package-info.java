/// Qwen3 with a mixture of experts.
package dev.xiaolu.models.qwen3moe;
