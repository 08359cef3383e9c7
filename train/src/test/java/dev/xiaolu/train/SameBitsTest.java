package dev.xiaolu.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class SameBitsTest extends SameBits {
    SameBitsTest() {
        super(TinyModel.LLAMA, 50, 2);
    }

    @Test void muonIsCutAndThreadedLikewise() {
        String once = new TinyRun(TinyModel.LLAMA_MUON, "cpu", 1, 1).digestAfter(12);
        assertEquals(once, new TinyRun(TinyModel.LLAMA_MUON, "cpu", 3, 4).digestAfter(12, 5));
    }
}
