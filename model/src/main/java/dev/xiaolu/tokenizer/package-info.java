/// Text to tokens and back.
package dev.xiaolu.tokenizer;
