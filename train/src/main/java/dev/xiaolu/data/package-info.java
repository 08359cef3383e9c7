/// Token streams that are a function of the step: readers, shards, packing.
package dev.xiaolu.data;
