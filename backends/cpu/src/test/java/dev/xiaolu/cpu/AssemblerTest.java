package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Assembler.Gp.*;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.xiaolu.cpu.Assembler.Gp;
import dev.xiaolu.cpu.Assembler.If;
import dev.xiaolu.cpu.Assembler.Label;
import dev.xiaolu.cpu.Assembler.Mem;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every instruction against the bytes that another assembler gives: GNU as 2.40, of the same text, recorded on 2026-11-25 to 27.
class AssemblerTest {
    record Case(String text, String bytes, Consumer<Assembler> emit) {
        @Override public String toString() {
            return text;
        }
    }

    static List<Case> cases() {
        return List.of(
            new Case("mov rax, [rdi+0x8]", "488b4708", a -> a.mov(RAX, at(RDI, 8))),
            new Case("mov [r12+0x100], r9", "4d898c2400010000", a -> a.mov(at(R12, 256), R9)),
            new Case("mov r15, [r13]", "4d8b7d00", a -> a.mov(R15, at(R13, 0))),
            new Case("mov rcx, r14", "4c89f1", a -> a.mov(RCX, R14)),
            new Case("mov eax, -1", "b8ffffffff", a -> a.mov32(RAX, -1)),
            new Case("mov r8d, 16", "41b810000000", a -> a.mov32(R8, 16)),
            new Case("lea r12, [r9+r8*8]", "4f8d24c1", a -> a.lea(R12, Mem.at(R9, R8, 8))),
            new Case("lea r15, [r14+1]", "4d8d7e01", a -> a.lea(R15, at(R14, 1))),
            new Case("add rax, rsi", "4801f0", a -> a.add(RAX, RSI)),
            new Case("add rdx, [rdi+0x88]", "48039788000000", a -> a.add(RDX, at(RDI, 136))),
            new Case("add [rdi+0x18], rax", "48014718", a -> a.add(at(RDI, 24), RAX)),
            new Case("add r15, 0x700", "4981c700070000", a -> a.add(R15, 0x700)),
            new Case("add r14, 1", "4983c601", a -> a.add(R14, 1)),
            new Case("and rcx, r15", "4c21f9", a -> a.and(RCX, R15)),
            new Case("and rcx, 3", "4883e103", a -> a.and(RCX, 3)),
            new Case("sub rbp, r15", "4c29fd", a -> a.sub(RBP, R15)),
            new Case("sub r15, 4", "4983ef04", a -> a.sub(R15, 4)),
            new Case("sub qword ptr [rdi+0x28], 1", "48836f2801", a -> a.sub(at(RDI, 40), 1)),
            new Case("cmp rbp, rcx", "4839cd", a -> a.cmp(RBP, RCX)),
            new Case("cmp rcx, 16", "4883f910", a -> a.cmp(RCX, 16)),
            new Case("cmp qword ptr [rdi+0x50], 0", "48837f5000", a -> a.cmp(at(RDI, 80), 0)),
            new Case("test rbp, rbp", "4885ed", a -> a.test(RBP, RBP)),
            new Case("test ecx, 1", "f7c101000000", a -> a.test(RCX, 1)),
            new Case("not r15", "49f7d7", a -> a.not(R15)),
            new Case("shr rcx, 3", "48c1e903", a -> a.shr(RCX, 3)),
            new Case("shl r8, cl", "49d3e0", a -> a.shlByCl(R8)),
            new Case("cmovz r15, [rdi+0x68]", "4c0f447f68", a -> a.cmovZero(R15, at(RDI, 104))),
            new Case("cmovl r15, rbp", "4c0f4cfd", a -> a.cmovLess(R15, RBP)),
            new Case("push rbx", "53", a -> a.push(RBX)),
            new Case("push r12", "4154", a -> a.push(R12)),
            new Case("pop r15", "415f", a -> a.pop(R15)),
            new Case("pop rbp", "5d", a -> a.pop(RBP)),
            new Case("ret", "c3", a -> a.ret()),
            new Case("vmovups zmm28, [rdx]", "62617c481022", a -> a.vmovups(28, at(RDX, 0))),
            new Case("vmovups zmm29, [rdx+0x40]", "62617c48106a01", a -> a.vmovups(29, at(RDX, 64))),
            new Case("vmovups zmm1, [rsp+0x40]", "62f17c48104c2401", a -> a.vmovups(1, at(RSP, 64))),
            new Case("vmovups zmm3, [rbp+0x4]", "62f17c48109d04000000", a -> a.vmovups(3, at(RBP, 4))),
            new Case("vmovups zmm12{k1}{z}, [r9+rax*1]", "62517cc9102401", a -> a.vmovups(12, 1, Mem.at(R9, RAX, 1))),
            new Case("vmovups zmm31{k7}{z}, [r13+r12*8-0x2000]", "62017ccf107ce580", a -> a.vmovups(31, 7, new Mem(R13, R12, 8, -0x2000))),
            new Case("vmovups [rcx+0x40]{k2}, zmm1", "62f17c4a114901", a -> a.vmovups(at(RCX, 64), 2, 1)),
            new Case("vmovups [r15+0x6c0], zmm27", "62417c48115f1b", a -> a.vmovups(at(R15, 0x6c0), 27)),
            new Case("vbroadcastss zmm30, [rax]", "62627d481830", a -> a.vbroadcastss(30, at(RAX, 0))),
            new Case("vbroadcastss zmm31, [rax+r13*1]", "62227d48183c28", a -> a.vbroadcastss(31, Mem.at(RAX, R13, 1))),
            new Case("vbroadcastss zmm5, [r8+0x1fc]", "62d27d4818687f", a -> a.vbroadcastss(5, at(R8, 0x1fc))),
            new Case("vbroadcastss zmm5, [r8+0x200]", "62d27d4818a800020000", a -> a.vbroadcastss(5, at(R8, 0x200))),
            new Case("vfmadd231ps zmm0, zmm30, zmm28", "62920d40b8c4", a -> a.vfmadd231ps(0, 30, 28)),
            new Case("vfmadd231ps zmm27, zmm7, zmm13", "62424548b8dd", a -> a.vfmadd231ps(27, 7, 13)),
            new Case("vaddps zmm16, zmm16, [r15+0x400]", "62c17c40584710", a -> a.vaddps(16, 16, at(R15, 0x400))),
            new Case("mov r11, 0x4338000000000000", "49bb0000000000003843", a -> a.mov64(R11, 0x4338000000000000L)),
            new Case("vsubps zmm3, zmm17, zmm30", "629174405cde", a -> a.lanes(Evex.VSUBPS, 3, 17, 30)),
            new Case("vaddps zmm6, zmm25, zmm2", "62f1344058f2", a -> a.lanes(Evex.VADDPS, 6, 25, 2)),
            new Case("vmulps zmm9, zmm30, zmm17", "62310c4059c9", a -> a.lanes(Evex.VMULPS, 9, 30, 17)),
            new Case("vdivps zmm28, zmm13, zmm22", "622114485ee6", a -> a.lanes(Evex.VDIVPS, 28, 13, 22)),
            new Case("vsqrtps zmm19, zmm5", "62e17c4851dd", a -> a.lanes(Evex.VSQRTPS, 19, 0, 5)),
            new Case("vminps zmm1, zmm2, zmm3", "62f16c485dcb", a -> a.lanes(Evex.VMINPS, 1, 2, 3)),
            new Case("vmaxps zmm31, zmm8, zmm16", "62213c485ff8", a -> a.lanes(Evex.VMAXPS, 31, 8, 16)),
            new Case("vfmadd213ps zmm0, zmm30, zmm28", "62920d40a8c4", a -> a.lanes(Evex.VFMADD213PS, 0, 30, 28)),
            new Case("vfnmadd231ps zmm27, zmm7, zmm13", "62424548bcdd", a -> a.lanes(Evex.VFNMADD231PS, 27, 7, 13)),
            new Case("vfnmadd213ps zmm4, zmm5, zmm6", "62f25548ace6", a -> a.lanes(Evex.VFNMADD213PS, 4, 5, 6)),
            new Case("vfmsub231ps zmm20, zmm21, zmm2", "62e25540bae2", a -> a.lanes(Evex.VFMSUB231PS, 20, 21, 2)),
            new Case("vfmsub213ps zmm10, zmm11, zmm12", "62522548aad4", a -> a.lanes(Evex.VFMSUB213PS, 10, 11, 12)),
            new Case("vpaddd zmm1, zmm20, zmm3", "62f15d40fecb", a -> a.lanes(Evex.VPADDD, 1, 20, 3)),
            new Case("vpsubd zmm1, zmm2, zmm30", "62916d48face", a -> a.lanes(Evex.VPSUBD, 1, 2, 30)),
            new Case("vpandd zmm18, zmm2, zmm3", "62e16d48dbd3", a -> a.lanes(Evex.VPANDD, 18, 2, 3)),
            new Case("vpord zmm1, zmm2, zmm3", "62f16d48ebcb", a -> a.lanes(Evex.VPORD, 1, 2, 3)),
            new Case("vpxord zmm1, zmm2, zmm19", "62b16d48efcb", a -> a.lanes(Evex.VPXORD, 1, 2, 19)),
            new Case("vpaddq zmm4, zmm5, zmm26", "6291d548d4e2", a -> a.lanes(Evex.VPADDQ, 4, 5, 26)),
            new Case("vpsubq zmm24, zmm5, zmm6", "6261d548fbc6", a -> a.lanes(Evex.VPSUBQ, 24, 5, 6)),
            new Case("vmulpd zmm4, zmm25, zmm6", "62f1b54059e6", a -> a.lanes(Evex.VMULPD, 4, 25, 6)),
            new Case("vaddpd zmm4, zmm5, zmm6", "62f1d54858e6", a -> a.lanes(Evex.VADDPD, 4, 5, 6)),
            new Case("vmovaps zmm17, zmm6", "62e17c4828ce", a -> a.lanes(Evex.VMOVAPS, 17, 0, 6)),
            new Case("vcvtdq2ps zmm2, zmm29", "62917c485bd5", a -> a.lanes(Evex.VCVTDQ2PS, 2, 0, 29)),
            new Case("vcvtps2pd zmm2, ymm19", "62b17c485ad3", a -> a.lanes(Evex.VCVTPS2PD, 2, 0, 19)),
            new Case("vcvtqq2ps ymm12, zmm9", "6251fc485be1", a -> a.lanes(Evex.VCVTQQ2PS, 12, 0, 9)),
            new Case("vcmpltps k4, zmm1, zmm30", "62917448c2e601", a -> a.lanesBy(Evex.VCMPPS, 4, 1, 30, 1)),
            new Case("vcmpgeps k7, zmm31, zmm3", "62f10440c2fb0d", a -> a.lanesBy(Evex.VCMPPS, 7, 31, 3, 13)),
            new Case("vblendmps zmm8{k5}, zmm9, zmm26", "6212354d65c2", a -> a.lanes(Evex.VBLENDMPS, 8, 9, 26, 5)),
            new Case("vpermps zmm8, zmm19, zmm6", "6272654016c6", a -> a.lanes(Evex.VPERMPS, 8, 19, 6)),
            new Case("vinsertf64x4 zmm3, zmm4, ymm21, 1", "62b3dd481add01", a -> a.lanesBy(Evex.VINSERTF64X4, 3, 4, 21, 1)),
            new Case("vextractf64x4 ymm20, zmm5, 1", "62b3fd481bec01", a -> a.lanesBy(Evex.VEXTRACTF64X4, 5, 0, 20, 1)),
            new Case("vpbroadcastd zmm31, r11d", "62427d487cfb", a -> a.lanes(Evex.VPBROADCASTD, 31, 0, 11)),
            new Case("vpbroadcastq zmm14, rax", "6272fd487cf0", a -> a.lanes(Evex.VPBROADCASTQ, 14, 0, 0)),
            new Case("vpslld zmm3, zmm24, 23", "6291654872f017", a -> a.shift(Evex.VPSLLD, 3, 24, 23)),
            new Case("vpsrad zmm23, zmm4, 1", "62f1454072e401", a -> a.shift(Evex.VPSRAD, 23, 4, 1)),
            new Case("vpsrld zmm3, zmm4, 8", "62f1654872d408", a -> a.shift(Evex.VPSRLD, 3, 4, 8)),
            new Case("vmovdqu64 zmm5, [rsi+rax*8+0x40]", "62f1fe486f6cc601", a -> a.loadLongs(5, 0, new Mem(RSI, RAX, 8, 64))),
            new Case("vmovdqu64 zmm25{k3}{z}, [r10+rax*8]", "6241fecb6f0cc2", a -> a.loadLongs(25, 3, new Mem(R10, RAX, 8, 0))),
            new Case("vmovdqu64 [rbx+rax*8+0x40]{k2}, zmm6", "62f1fe4a7f74c301", a -> a.storeLongs(new Mem(RBX, RAX, 8, 64), 2, 6)),
            new Case("vpmaxsd zmm3, zmm30, zmm5", "62f20d403ddd", a -> a.lanes(Evex.VPMAXSD, 3, 30, 5)),
            new Case("vpermilps zmm3, zmm20, 0x4e", "62b37d4804dc4e", a -> a.lanesBy(Evex.VPERMILPS, 3, 0, 20, 0x4E)),
            new Case("vaddps zmm1{k2}, zmm1, zmm19", "62b1744a58cb", a -> a.lanes(Evex.VADDPS, 1, 1, 19, 2)),
            new Case("vmovss [r9+0xc], xmm17", "62c17e08114903", a -> a.vmovss(at(R9, 12), 17)),
            new Case("kortestw k4, k4", "c5f898e4", a -> a.kortestw(4)),
            new Case("vpxord zmm9, zmm9, zmm9", "62513548efc9", a -> a.zero(9)),
            new Case("vpxord zmm25, zmm25, zmm25", "62013540efc9", a -> a.zero(25)),
            new Case("vunpcklps zmm16, zmm0, zmm1", "62e17c4814c1", a -> a.vunpcklps(16, 0, 1)),
            new Case("vunpckhps zmm17, zmm8, zmm9", "62c13c4815c9", a -> a.vunpckhps(17, 8, 9)),
            new Case("vunpcklpd zmm4, zmm20, zmm22", "62b1dd4014e6", a -> a.vunpcklpd(4, 20, 22)),
            new Case("vunpckhpd zmm5, zmm20, zmm22", "62b1dd4015ee", a -> a.vunpckhpd(5, 20, 22)),
            new Case("vshuff32x4 zmm16, zmm0, zmm4, 0x44", "62e37d4823c444", a -> a.lanesBy(Evex.VSHUFF32X4, 16, 0, 4, 0x44)),
            new Case("vshuff32x4 zmm13, zmm30, zmm31, 0xdd", "62130d4023efdd", a -> a.lanesBy(Evex.VSHUFF32X4, 13, 30, 31, 0xDD)),
            new Case("kmovw k1, eax", "c5f892c8", a -> a.kmovw(1, RAX)),
            new Case("kmovw k4, r8d", "c4c17892e0", a -> a.kmovw(4, R8)),
            new Case("prefetcht0 [rdx+0x800]", "0f188a00080000", a -> a.prefetcht0(at(RDX, 0x800))),
            new Case("prefetcht0 [rdx+rcx*8+0x40]", "0f184cca40", a -> a.prefetcht0(new Mem(RDX, RCX, 8, 64))),
            new Case("vzeroupper", "c5f877", a -> a.vzeroupper()));
    }

    @ParameterizedTest @MethodSource("cases")
    void anInstructionHasTheBytesOnRecord(Case test) {
        var code = new Assembler();
        test.emit.accept(code);
        byte[] found = code.bytes();
        byte[] wanted = HexFormat.of().parseHex(test.bytes);
        // A move or sum between two registers has two encodings; the other one swaps opcode and operands. The recorder took the other.
        if (found.length == 3 && wanted.length == 3 && (found[1] ^ wanted[1]) == 2) {
            assertEquals(swapped(wanted), HexFormat.of().formatHex(found));
        } else {
            assertEquals(test.bytes, HexFormat.of().formatHex(found));
        }
    }

    /// The same instruction with the direction bit turned: register and operand change places, and so do the bits of REX that belong to them.
    private static String swapped(byte[] bytes) {
        int rex = bytes[0] & ~5 | (bytes[0] & 4) >> 2 | (bytes[0] & 1) << 2;
        int operands = bytes[2] & 0xC0 | (bytes[2] & 7) << 3 | bytes[2] >> 3 & 7;
        return HexFormat.of().formatHex(new byte[] {(byte) rex, (byte) (bytes[1] ^ 2), (byte) operands});
    }

    @Test void jumpsReachLabelsBeforeAndBehindThem() {
        var code = new Assembler();
        var before = new Label();
        var behind = new Label();
        code.here(before);
        code.jump(If.NOT_EQUAL, behind);                         // 6 bytes, then 5: to byte 12
        code.jump(before);
        code.ret();
        code.here(behind);
        code.ret();
        assertArrayEquals(HexFormat.of().parseHex("0f8506000000" + "e9f5ffffff" + "c3" + "c3"), code.bytes());
    }

    @Test void codeIsAlignedByInstructionsThatDoNothing() {
        var code = new Assembler();
        code.push(Gp.RBX);
        code.align(8);
        assertArrayEquals(HexFormat.of().parseHex("5390909090909090"), code.bytes());
        assertEquals(8, code.size());
    }

    private static Mem at(Gp base, int disp) {
        return Mem.at(base, disp);
    }
}
