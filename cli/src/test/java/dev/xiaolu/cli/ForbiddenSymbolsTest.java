package dev.xiaolu.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeModel;
import java.lang.classfile.MethodModel;
import java.lang.classfile.constantpool.MemberRefEntry;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.DoubleSummaryStatistics;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.DoubleUnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.DoubleStream;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import org.junit.jupiter.api.Test;

/// What the arithmetic of a run must not call, because its bits, its order or its next value is not ours to say: read from the
/// class files of the modules that compute.
class ForbiddenSymbolsTest {
    private static final List<String> MODULES = List.of("core", "cpu", "sim", "model", "train");

    private static final String OPERATORS = "jdk/incubator/vector/VectorOperators";
    private static final String ELEMENTARY = "(exp|expm1|log|log10|log1p|pow|sin|cos|tan|asin|acos|atan|atan2|sinh|cosh|tanh|cbrt|hypot)";

    /// A symbol, `class.member` as a pattern, and why it is closed.
    private record Rule(Pattern symbol, String why) {
        Rule(String symbol, String why) {
            this(Pattern.compile(symbol), why);
        }
    }

    private static final List<Rule> RULES = List.of(
            new Rule("java\\.lang\\.Math\\." + ELEMENTARY, "its bits differ between JVMs; wanted Elementary"),
            new Rule("java\\.lang\\.StrictMath\\." + ELEMENTARY, "no other backend has it; wanted Elementary, or an exception with its reason"),
            new Rule("jdk\\.incubator\\.vector\\.VectorOperators\\." + ELEMENTARY.toUpperCase(), "its bits differ between machines; wanted VectorElementary"),
            new Rule("jdk\\.incubator\\.vector\\.(Float|Double)Vector\\.pow", "its bits differ between machines"),
            new Rule("jdk\\.incubator\\.vector\\.\\w+\\.reduceLanesToLong", "on floats it adds in an order of its own; wanted reduceLanes"),
            new Rule("java\\.util\\.stream\\.DoubleStream\\.(sum|average|summaryStatistics)", "how it adds is not specified; wanted Sums or a loop"),
            new Rule("java\\.util\\.stream\\.Collectors\\.(summingDouble|averaging\\w+|summarizingDouble)", "how it adds is not specified; wanted Sums or a loop"),
            new Rule("java\\.util\\.(stream\\.DoubleStream\\.collect|DoubleSummaryStatistics\\..*)", "how it adds is not specified; wanted Sums or a loop"),
            new Rule("java\\.util\\.stream\\.\\w+\\.parallel|.*\\.parallelStream|java\\.util\\.Arrays\\.parallel\\w+", "what runs where is decided anew each time; wanted Workers"),
            new Rule("java\\.util\\.(Random|SplittableRandom)\\..*|java\\.util\\.random\\..*|java\\.security\\.SecureRandom\\..*"
                    + "|java\\.util\\.concurrent\\.ThreadLocalRandom\\..*|java\\.lang\\.Math\\.random|java\\.util\\.Collections\\.shuffle", "it remembers what it drew; wanted RandomKey"),
            new Rule("java\\.lang\\.System\\.(nanoTime|currentTimeMillis)|java\\.time\\.\\w+\\.now|java\\.time\\.Clock\\.system\\w*", "wanted platform.Clock"));

    /// Class and symbol that may stay, each with its reason. One that no class needs any more is a fault of this list.
    private static final Map<String, String> EXCEPTIONS = Map.ofEntries(
            Map.entry("dev.xiaolu.platform.RealClock java.lang.System.nanoTime", "the one door to time"),
            Map.entry("dev.xiaolu.platform.RealClock java.lang.System.currentTimeMillis", "the one door to time"),
            Map.entry("dev.xiaolu.cpu.Peak java.lang.System.nanoTime", "measures the machine; the time is its result and enters no tensor"),
            Map.entry("dev.xiaolu.nn.RopeTable java.lang.StrictMath.pow", "a table made once on the host, in double, by an algorithm that Java fixes to the bit"),
            Map.entry("dev.xiaolu.nn.RopeTable java.lang.StrictMath.log", "two bounds for that table, in double, by an algorithm that Java fixes to the bit"),
            Map.entry("dev.xiaolu.optim.Schedule java.lang.StrictMath.cos", "one number per step on the host, in double, by an algorithm that Java fixes to the bit"),
            Map.entry("dev.xiaolu.train.RouterHealth java.lang.StrictMath.log", "a figure for readers, in double, by an algorithm that Java fixes to the bit"),
            Map.entry("dev.xiaolu.train.Chart java.lang.Math.pow", "draws axes; nothing of the run is computed from it"),
            Map.entry("dev.xiaolu.train.Chart java.lang.Math.log10", "draws axes; nothing of the run is computed from it"),
            Map.entry("dev.xiaolu.train.Report java.util.stream.DoubleStream.sum", "text for a reader; nothing of the run is computed from it"),
            Map.entry("dev.xiaolu.train.Report java.util.stream.DoubleStream.average", "text for a reader; nothing of the run is computed from it"));

    @Test
    void computingModulesNameNoForbiddenSymbol() {
        var faults = new ArrayList<String>();
        found().forEach(each -> {
            if (!EXCEPTIONS.containsKey(each.key())) {
                faults.add(each.toString());
            }
        });
        assertTrue(faults.isEmpty(), () -> "\n" + String.join("\n", faults));
    }

    @Test
    void everyExceptionIsStillNeeded() {
        var idle = new TreeSet<>(EXCEPTIONS.keySet());
        found().forEach(each -> idle.remove(each.key()));
        assertEquals(Set.of(), idle);
    }

    @Test
    void everyKindOfOffenceIsReported() throws IOException {
        var symbols = new TreeSet<String>();
        forbidden(read(Offender.class)).forEach(each -> symbols.add(each.symbol));
        assertEquals(new TreeSet<>(Set.of("java.lang.Math.exp", "java.lang.Math.tanh", "java.lang.StrictMath.log", "java.lang.Math.random",
                "jdk.incubator.vector.VectorOperators.EXP", "jdk.incubator.vector.FloatVector.pow", "jdk.incubator.vector.FloatVector.reduceLanesToLong",
                "jdk.incubator.vector.FloatVector.reduceLanes of ADD in sum", "jdk.incubator.vector.DoubleVector.reduceLanes of MUL in product",
                "jdk.incubator.vector.FloatVector.reduceLanes of an operator from elsewhere in any",
                "java.util.stream.DoubleStream.sum", "java.util.stream.DoubleStream.parallel", "java.util.List.parallelStream", "java.util.Arrays.parallelPrefix",
                "java.util.DoubleSummaryStatistics.<init>", "java.util.DoubleSummaryStatistics.getSum",
                "java.util.Random.<init>", "java.util.Random.nextFloat", "java.util.concurrent.ThreadLocalRandom.current", "java.util.concurrent.ThreadLocalRandom.nextInt",
                "java.lang.System.nanoTime", "java.lang.System.currentTimeMillis", "java.time.Instant.now")), symbols);
    }

    @Test
    void exactAndOrderFreeOperationsAreNoOffence() throws IOException {
        assertEquals(Set.of(), forbidden(read(Lawful.class)));
    }

    /// One symbol found in one class.
    private record Found(String type, String symbol, String why) {
        /// As the list of exceptions writes it; a nested class counts as the one around it.
        String key() {
            return type.replaceFirst("\\$.*", "") + " " + symbol;
        }

        @Override
        public String toString() {
            return "%s uses %s: %s".formatted(type, symbol, why);
        }
    }

    private static Set<Found> found() {
        var modules = ProductClasses.byModule();
        var found = new LinkedHashSet<Found>();
        for (String module : MODULES) {
            List<ClassModel> types = modules.getOrDefault(module, List.of());
            assertFalse(types.isEmpty(), () -> "no class of " + module + " on the class path");
            types.forEach(type -> found.addAll(forbidden(type)));
        }
        return found;
    }

    /// Symbols come from the constant pool, so a method reference is found like a call.
    private static Set<Found> forbidden(ClassModel type) {
        String name = ProductClasses.name(type);
        var found = new LinkedHashSet<Found>();
        for (PoolEntry entry : type.constantPool()) {
            if (entry instanceof MemberRefEntry member) {
                String symbol = symbol(member.owner().asInternalName(), member.name().stringValue());
                RULES.stream().filter(rule -> rule.symbol.matcher(symbol).matches()).forEach(rule -> found.add(new Found(name, symbol, rule.why)));
            }
        }
        type.methods().forEach(method -> method.code().ifPresent(code -> found.addAll(sumsOfLanes(name, method, code))));
        return found;
    }

    /// Reductions of floats. The operator has to be named in front of the call, or no reader can say which one it is.
    private static List<Found> sumsOfLanes(String name, MethodModel method, CodeModel code) {
        var found = new ArrayList<Found>();
        String operator = "";
        for (var element : code) {
            if (element instanceof FieldInstruction field && field.owner().asInternalName().equals(OPERATORS) && field.type().stringValue().contains("$Associative")) {
                operator = field.name().stringValue();
            } else if (element instanceof InvokeInstruction call) {
                String symbol = symbol(call.owner().asInternalName(), call.name().stringValue());
                if (symbol.matches("jdk\\.incubator\\.vector\\.(Float|Double)Vector\\.reduceLanes") && !Set.of("MIN", "MAX").contains(operator)) {
                    found.add(new Found(name, "%s of %s in %s".formatted(symbol, operator.isEmpty() ? "an operator from elsewhere" : operator, method.methodName().stringValue()),
                            "the order of the lanes is left open; wanted Sums"));
                }
                if (call.type().stringValue().matches(".*VectorOperators\\$(Associative|Binary);.*")) {
                    operator = "";
                }
            }
        }
        return found;
    }

    private static String symbol(String owner, String member) {
        return owner.replace('/', '.') + "." + member;
    }

    private static ClassModel read(Class<?> type) throws IOException {
        try (InputStream bytes = type.getResourceAsStream(type.getName().replaceFirst(".*\\.", "") + ".class")) {
            return ClassFile.of().parse(bytes.readAllBytes());
        }
    }

    /// Does everything that is forbidden; never called.
    static final class Offender {
        private static final VectorOperators.Associative ELSEWHERE = VectorOperators.MAX;
        private static final DoubleUnaryOperator REFERENCE = Math::tanh;

        static double elementary(double x) {
            return Math.exp(REFERENCE.applyAsDouble(x)) + StrictMath.log(x) + Math.random();
        }

        static long lanes(FloatVector x) {
            return x.lanewise(VectorOperators.EXP).pow(2).reduceLanesToLong(VectorOperators.ADD);
        }

        static float sum(FloatVector x) {
            return x.reduceLanes(VectorOperators.ADD, x.test(VectorOperators.IS_FINITE));
        }

        static double product(DoubleVector x) {
            return x.reduceLanes(VectorOperators.MUL);
        }

        static float any(FloatVector x) {
            return x.reduceLanes(ELSEWHERE);
        }

        static double streams(List<Double> list, double[] array) {
            Arrays.parallelPrefix(array, Double::sum);
            return DoubleStream.of(array).parallel().sum() + new DoubleSummaryStatistics().getSum() + list.parallelStream().count();
        }

        static float random() {
            return new Random(1).nextFloat() + ThreadLocalRandom.current().nextInt();
        }

        static Object time() {
            return System.nanoTime() + System.currentTimeMillis() + java.time.Instant.now().toString();
        }
    }

    /// Close to what is forbidden, and allowed; never called.
    static final class Lawful {
        static double lawful(FloatVector x, LongVector counts, double y) {
            float most = x.fma(x, x).lanewise(VectorOperators.SQRT).reduceLanes(VectorOperators.MAX);
            return Math.fma(y, Math.sqrt(y), most) + counts.reduceLanes(VectorOperators.ADD) + List.of(1L).stream().mapToLong(each -> each).sum();
        }
    }
}
