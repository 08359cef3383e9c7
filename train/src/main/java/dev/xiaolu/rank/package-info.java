/// A run over several processes: ranks that train, and the platform around the control plane that steers them.
package dev.xiaolu.rank;
