package dev.xiaolu.shape;

import static dev.xiaolu.platform.Check.checkInput;

import java.util.Arrays;

/// The type of a tensor's elements, stored little-endian.
public enum DType {
    /// IEEE 754 binary32.
    F32(4),
    /// The upper 16 bits of a binary32: 8 exponent bits, 7 fraction bits.
    BF16(2),
    /// 8 bits: sign, 4 exponent bits with bias 7, 3 fraction bits; no infinities, largest 448, the two codes `0x7F` and `0xFF` are NaN.
    F8_E4M3(1),
    /// 8 exponent bits and nothing else: `2^(code − 127)`, the code 255 is NaN; a scale, never a value.
    F8_E8M0(1),
    /// Two's complement, 64 bits.
    I64(8),
    /// Two's complement, 32 bits.
    I32(4),
    /// Two's complement, 8 bits. Published weights in FP4 (E2M1) come as this type, two to a byte: the even index in the low four bits.
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
        checkInput(false, "dtype '%s' is not known; wanted one of %s", name, Arrays.toString(values()));
        throw new AssertionError();
    }
}
