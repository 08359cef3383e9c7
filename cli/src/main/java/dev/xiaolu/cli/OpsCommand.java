package dev.xiaolu.cli;

import dev.xiaolu.op.Op;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.BackendProvider;
import dev.xiaolu.tensor.Backends;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// Which backend has a kernel of its own for which operator.
@Command(name = "ops", header = {"Shows every operator and which backends have a kernel of their own for it.", ""},
        footer = {"", "Where a backend has none, it runs the reference, with the same bits.", "", "Example:  ./xiaolu ops --json"})
final class OpsCommand extends Action {
    @Option(names = "--json", description = "Prints a JSON list of objects.")
    private boolean json;

    OpsCommand(Console console) {
        super(console);
    }

    @Override public Integer call() {
        List<Backend> backends = new ArrayList<>();
        try {
            for (BackendProvider provider : Backends.all()) {
                open(provider, backends);
            }
            List<String> headings = new ArrayList<>(List.of("operator", "kind"));
            backends.forEach(backend -> headings.add(backend.name()));
            var table = new Table(headings.toArray(String[]::new));
            for (Class<? extends Op> op : operators()) {
                List<Object> cells = new ArrayList<>(List.of(op.getSimpleName(), kind(op)));
                backends.forEach(backend -> cells.add(backend.supports(op) ? "kernel" : "reference"));
                table.row(cells.toArray());
            }
            table.print(out(), json);
        } finally {
            backends.forEach(Backend::close);
        }
        return DONE;
    }

    private void open(BackendProvider provider, List<Backend> into) {
        try {
            into.add(provider.open(1));
        } catch (InputException unfit) {
            err().println(provider.name() + ": " + unfit.getMessage());
        }
    }

    /// Every operator: the records that [Op] permits, by name.
    static List<Class<? extends Op>> operators() {
        return permitted(Op.class).sorted(Comparator.comparing(Class::getSimpleName)).toList();
    }

    private static Stream<Class<? extends Op>> permitted(Class<? extends Op> type) {
        return type.isSealed() ? Stream.of(type.getPermittedSubclasses()).flatMap(below -> permitted(below.asSubclass(Op.class))) : Stream.of(type);
    }

    private static String kind(Class<? extends Op> op) {
        return Op.Differentiable.class.isAssignableFrom(op) ? "forward"
                : Op.Gradient.class.isAssignableFrom(op) ? "gradient"
                : Op.Choice.class.isAssignableFrom(op) ? "choice" : "plain";
    }
}
