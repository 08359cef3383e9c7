package dev.xiaolu.shape;

import static dev.xiaolu.platform.Check.checkInput;

/// The type of a tensor's elements, stored little-endian.
public enum DType {
    /// IEEE 754 binary32.
    F32(4),
    /// The upper 16 bits of a binary32: 8 exponent bits, 7 fraction bits.
    BF16(2),
    /// Two's complement, 64 bits.
    I64(8),
    /// Two's complement, 32 bits.
    I32(4),
    /// Two's complement, 8 bits.
    I8(1),
    /// One byte, 0 or 1.
    BOOL(1);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /// Size of one element in bytes.
    public int bytes() {
        return bytes;
    }

    /// The type with this name in a safetensors header; refuses an unknown one by name.
    public static DType named(String name) {
        for (DType type : values()) {
            if (type.name().equals(name)) {
                return type;
            }
        }
        checkInput(false, "dtype '%s' is not known; wanted one of F32, BF16, I64, I32, I8, BOOL", name);
        throw new AssertionError();
    }
}
