/// Step, evaluation, checkpoint, resume, metrics, report.
package dev.xiaolu.train;
