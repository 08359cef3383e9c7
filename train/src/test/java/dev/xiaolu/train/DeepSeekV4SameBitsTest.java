package dev.xiaolu.train;

class DeepSeekV4SameBitsTest extends SameBits {
    DeepSeekV4SameBitsTest() {
        super(TinyModel.DEEPSEEK4, 4, 1);
    }
}
