/// Benches that measure rivals in strict turns within one run, so that a slow spell of the machine hits all of them, and report ratios.
package dev.xiaolu.bench;
