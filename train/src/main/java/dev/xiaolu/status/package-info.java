/// How a run stands: as a record, as JSON for scripts, as a page for people, as metrics for Prometheus.
package dev.xiaolu.status;
