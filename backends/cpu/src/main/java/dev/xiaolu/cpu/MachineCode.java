package dev.xiaolu.cpu;

import static dev.xiaolu.platform.Check.check;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/// Places emitted instructions where the processor may run them, and calls them.
///
/// Most pieces of code take one argument, the address of a block of 64-bit words; all return nothing and follow the System V calling convention. Pages are written
/// first and made executable after, never both at once; they stay until the process ends. A call is a critical one: it takes nanoseconds, and the collector waits for it,
/// so that one call should stay below some milliseconds.
///
/// There is machine code on Linux on x86-64 with 512-bit vectors, unless the system property `xiaolu.cpu.machineCode` is `false`; elsewhere the Vector API does the same work
/// to the same bits.
final class MachineCode {
    private static final int READ_WRITE = 3;
    private static final int READ_EXECUTE = 5;
    private static final int PRIVATE_ANONYMOUS = 0x22;
    private static final long PAGE = 4096;
    private static final boolean SWITCHED_OFF = System.getProperty("xiaolu.cpu.machineCode", "true").equals("false");
    private static final Linker LINKER = Linker.nativeLinker();

    private MachineCode() {}

    /// Whether code can be emitted for this processor and this system allows it.
    static boolean available() {
        return Holder.AVAILABLE;
    }

    /// Asked for on first use, so that a JVM that never multiplies never maps a page.
    private static final class Holder {
        static final boolean AVAILABLE = Vectors.BITS == 512
                && System.getProperty("os.arch").equals("amd64") && System.getProperty("os.name").equals("Linux")
                && !SWITCHED_OFF
                && runs();

        private static boolean runs() {
            try {
                var code = new Assembler();
                code.mov32(Assembler.Gp.RAX, 42);
                code.mov(Assembler.Mem.at(Assembler.Gp.RDI, 0), Assembler.Gp.RAX);
                code.ret();
                try (var arena = java.lang.foreign.Arena.ofConfined()) {
                    MemorySegment word = arena.allocate(JAVA_LONG);
                    install(code).invokeExact(word.address());
                    return word.get(JAVA_LONG, 0) == 42;
                }
            } catch (Throwable refused) {                        // a system that forbids such pages is no fault: the Vector API remains
                return false;
            }
        }
    }

    /// Maps the code and gives a handle of type `(long)void`.
    static MethodHandle install(Assembler code) {
        return install(code, FunctionDescriptor.ofVoid(JAVA_LONG));
    }

    /// Maps the code and gives a handle of this type; arrays on the heap may be passed.
    static MethodHandle install(Assembler code, FunctionDescriptor type) {
        return LINKER.downcallHandle(map(code), type, Linker.Option.critical(type.argumentLayouts().contains(ADDRESS)));
    }

    /// A handle that takes the place of mapped code first, then what the code takes, which may be an array on the heap.
    static MethodHandle handle(FunctionDescriptor type) {
        return LINKER.downcallHandle(type, Linker.Option.critical(true));
    }

    /// Maps the code and gives its place.
    static MemorySegment map(Assembler code) {
        check(!SWITCHED_OFF, "machine code is switched off");
        byte[] bytes = code.bytes();
        long length = (bytes.length + PAGE - 1) / PAGE * PAGE;
        try {
            MemorySegment page = ((MemorySegment) function("mmap", FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG))
                    .invokeExact(MemorySegment.NULL, length, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0L)).reinterpret(length);
            if (page.address() == -1) {
                throw new IllegalStateException("mmap refused " + length + " bytes");
            }
            MemorySegment.copy(bytes, 0, page, JAVA_BYTE, 0, bytes.length);
            int refused = (int) function("mprotect", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT)).invokeExact(page, length, READ_EXECUTE);
            if (refused != 0) {
                throw new IllegalStateException("mprotect refused to make code executable");
            }
            return page;
        } catch (Throwable thrown) {
            throw unchecked(thrown);
        }
    }

    /// Runs code that [#install] gave on the words at `arguments`.
    static void call(MethodHandle code, MemorySegment arguments) {
        try {
            code.invokeExact(arguments.address());
        } catch (Throwable thrown) {
            throw unchecked(thrown);
        }
    }

    /// What a handle threw, to be thrown on: as it is where that is allowed.
    static RuntimeException unchecked(Throwable thrown) {
        if (thrown instanceof Error error) {
            throw error;
        }
        return thrown instanceof RuntimeException exception ? exception : new IllegalStateException(thrown);
    }

    private static MethodHandle function(String name, FunctionDescriptor type) {
        return LINKER.downcallHandle(LINKER.defaultLookup().find(name).orElseThrow(), type);
    }
}
