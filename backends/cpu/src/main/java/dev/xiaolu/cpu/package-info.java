/// The CPU backend: kernels on the Vector API that give the reference's bits at any vector width and with any number of threads.
package dev.xiaolu.cpu;
