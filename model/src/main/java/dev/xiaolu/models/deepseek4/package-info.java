/// DeepSeek-V4: its config and the layouts of its published weights.
package dev.xiaolu.models.deepseek4;
