/// Contract suites, golden vectors and their recorders, generators, fakes.
package dev.xiaolu.testkit;
