package dev.xiaolu.cpu;

import dev.xiaolu.tensor.Backend;
import dev.xiaolu.testkit.JointAttentionContract;

class CpuJointAttentionTest extends JointAttentionContract {
    @Override protected Backend open(int threads) {
        return new CpuBackend(threads);
    }
}
