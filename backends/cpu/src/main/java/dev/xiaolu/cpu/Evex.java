package dev.xiaolu.cpu;

/// Instructions of AVX-512 on whole vectors that [Lanes] needs, by their encodings.
///
/// Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2.
enum Evex {
    VADDPS(1, 0, 0, 0x58), VSUBPS(1, 0, 0, 0x5C), VMULPS(1, 0, 0, 0x59), VDIVPS(1, 0, 0, 0x5E), VSQRTPS(1, 0, 0, 0x51),
    /// `a` where it is less, else `b`: also where one is no number or both are zeros.
    VMINPS(1, 0, 0, 0x5D),
    /// `a` where it is greater, else `b`: also where one is no number or both are zeros.
    VMAXPS(1, 0, 0, 0x5F),
    /// `to = a · b + to`.
    VFMADD231PS(2, 1, 0, 0xB8),
    /// `to = a · to + b`.
    VFMADD213PS(2, 1, 0, 0xA8),
    /// `to = −(a · b) + to`.
    VFNMADD231PS(2, 1, 0, 0xBC),
    /// `to = −(a · to) + b`.
    VFNMADD213PS(2, 1, 0, 0xAC),
    /// `to = a · b − to`.
    VFMSUB231PS(2, 1, 0, 0xBA),
    /// `to = a · to − b`.
    VFMSUB213PS(2, 1, 0, 0xAA),
    VPADDD(1, 1, 0, 0xFE), VPSUBD(1, 1, 0, 0xFA), VPANDD(1, 1, 0, 0xDB), VPORD(1, 1, 0, 0xEB), VPXORD(1, 1, 0, 0xEF),
    VPADDQ(1, 1, 1, 0xD4), VPSUBQ(1, 1, 1, 0xFB), VMULPD(1, 1, 1, 0x59), VADDPD(1, 1, 1, 0x58),
    /// A copy of all 64 bytes.
    VMOVAPS(1, 0, 0, 0x28),
    VCVTDQ2PS(1, 0, 0, 0x5B),
    /// The lower eight floats as doubles.
    VCVTPS2PD(1, 0, 0, 0x5A),
    /// Eight longs as the lower eight floats, the upper ones +0.
    VCVTQQ2PS(1, 0, 1, 0x5B),
    /// The greater one of signed ints.
    VPMAXSD(2, 1, 0, 0x3D),
    /// Two quarters of `a`, then two of `b`, two bits of the last operand for each.
    VSHUFF32X4(3, 1, 0, 0x23),
    /// Within each quarter, four lanes of `b`, two bits of the last operand for each.
    VPERMILPS(3, 1, 0, 0x04),
    /// A mask register from a comparison; the last operand is its kind.
    VCMPPS(1, 0, 0, 0xC2),
    /// `b` in lanes of the mask, `a` in the others.
    VBLENDMPS(2, 1, 0, 0x65),
    /// Lane `i` is lane `a_i` of `b`.
    VPERMPS(2, 1, 0, 0x16),
    /// `a` with its upper half replaced by the lower one of `b`, where the last operand is 1.
    VINSERTF64X4(3, 1, 1, 0x1A),
    /// The half of the first operand that the last one names, as lower half of the second.
    VEXTRACTF64X4(3, 1, 1, 0x1B),
    /// The low 32 bits of a general register in every lane.
    VPBROADCASTD(2, 1, 0, 0x7C),
    /// A general register in every lane of 64 bits.
    VPBROADCASTQ(2, 1, 1, 0x7C),
    /// Shifts by a constant; these numbers stand where a register of others does.
    VPSLLD(1, 1, 0, 0x72), VPSRAD(1, 1, 0, 0x72), VPSRLD(1, 1, 0, 0x72);

    final int map;
    final int prefix;
    final int wide;
    final int opcode;

    Evex(int map, int prefix, int wide, int opcode) {
        this.map = map;
        this.prefix = prefix;
        this.wide = wide;
        this.opcode = opcode;
    }

    /// The fused instruction that finds a factor where this one, of the same result, finds the sum.
    Evex factorFirst() {
        return switch (this) {
            case VFMADD231PS -> VFMADD213PS;
            case VFNMADD231PS -> VFNMADD213PS;
            case VFMSUB231PS -> VFMSUB213PS;
            default -> throw new IllegalStateException(this + " has no other form");
        };
    }

    /// What a shift has in the place of a register.
    int extension() {
        return switch (this) {
            case VPSLLD -> 6;
            case VPSRAD -> 4;
            case VPSRLD -> 2;
            default -> throw new IllegalStateException(this + " is no shift");
        };
    }
}
