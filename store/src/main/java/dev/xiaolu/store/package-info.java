/// Tensors and configs on disk: safetensors, `config.json`, checkpoint manifests, atomic commits.
package dev.xiaolu.store;
