package dev.xiaolu.platform;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/// Pages of memory that a file is mapped to, asked of the C library. Thread-safe.
public final class Pages {
    private static final int REMOVE = 9;                         // MADV_REMOVE of Linux

    private Pages() {}

    /// A mapping as memory of the class that everything else is of which operators see: segments of several classes in one kernel cost it the inlining of its loads and stores.
    /// Lives as long as `arena`, in which the mapping was made.
    public static MemorySegment plain(MemorySegment mapping, Arena arena) {
        return MemorySegment.ofAddress(mapping.address()).reinterpret(mapping.byteSize(), arena, null);
    }

    /// Gives the whole pages that lie in `memory`, a part of a shared mapping that can be written, back to the host: they read as zeros from now on, here and in every other process, and take no memory until they are written again.
    /// The beginning of a page, or its end, stays as it is. False where the host cannot do that: then nothing has changed.
    public static boolean giveBack(MemorySegment memory) {
        if (!System.getProperty("os.name").equals("Linux")) {
            return false;
        }
        try {
            long page = (int) function("getpagesize", FunctionDescriptor.of(JAVA_INT)).invokeExact();
            long from = (memory.address() + page - 1) / page * page, to = (memory.address() + memory.byteSize()) / page * page;
            return to <= from || (int) function("madvise", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT)).invokeExact(MemorySegment.ofAddress(from), to - from, REMOVE) == 0;
        } catch (Throwable noSuchFunction) {
            return false;
        }
    }

    private static MethodHandle function(String name, FunctionDescriptor type) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().find(name).orElseThrow(), type);
    }
}
