/// AdamW, Muon, schedules, clipping.
package dev.xiaolu.optim;
