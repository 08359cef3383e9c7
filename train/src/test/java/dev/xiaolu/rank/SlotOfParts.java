package dev.xiaolu.rank;

import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.train.ModelFamily;
import dev.xiaolu.train.Preparation;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.Screen;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;

/// A model of `deepseek4-tiny` whose experts are cut into parts, as a rank has it, without a run around it.
final class SlotOfParts {
    private SlotOfParts() {}

    /// Calls `use` with it; files go below `temp`.
    static void with(Path temp, int parts, Consumer<Slot> use) {
        try {
            RunConfig config = Crew.config(temp, "deepseek4-tiny", "launch.workers=8", "launch.fewest=" + parts, "launch.expert_ranks=" + parts);
            try (var preparation = new Preparation(config, temp.resolve("run"), Screen.plain(new PrintStream(OutputStream.nullOutputStream()))); Backend backend = Backends.open("cpu", 1);
                    var scratch = new Scratch(); Arena arena = Arena.ofShared()) {
                var data = preparation.data(Optional.empty());
                Compute.call(backend, scratch, () -> {
                    use.accept(new Slot(config, ModelFamily.of(config, data.tokenizer()), (_, _, _) -> { }, arena));
                    return null;
                });
            }
        } catch (IOException failed) {
            throw new IllegalStateException(failed);
        }
    }
}
