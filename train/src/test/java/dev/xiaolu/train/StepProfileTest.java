package dev.xiaolu.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.InputException;
import dev.xiaolu.store.DigestChain;
import dev.xiaolu.tensor.Profile.Part;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StepProfileTest {
    @TempDir Path temp;

    static StepProfile example() {
        var products = new Part("MatMul", 6, 0.05, 4e9, 3e8, List.of(new Part("[<8>, 4] [2, 4]ᵀ", 6, 0.05, 4e9, 3e8, List.of())));
        var rest = new Part("Rope", 2, 0.0001, 0, 1e6, List.of());
        var step = new Part("step", 1, 0.1, 4e9, 3.01e8, List.of(new Part("forward", 2, 0.06, 4e9, 3.01e8, List.of(products, rest)), new Part("update", 1, 0.03, 0, 0, List.of())));
        return new StepProfile(31, 80, 2e11, step);
    }

    @Test void theTableTellsSharesSpeedsAndWhatLiesBetween() {
        String table = String.join("\n", example().table());
        assertTrue(table.contains("steps 31 to 80, 100.0 ms each, 40 GFLOP/s in products of a measured peak of 200"), table);
        assertTrue(table.contains("    MatMul                       50.0%     50.00       6        80     6.0\n"), table);
        assertTrue(table.contains("    1 other                       0.1%      0.10\n    between operators             9.9%      9.90\n"), table);
        assertTrue(table.endsWith("  between these                  10.0%     10.00"), table);
    }

    @Test void whatWasWrittenIsReadAndAnythingElseIsNone() {
        assertEquals(Optional.of(example().json()), StepProfile.of(example().json()).map(StepProfile::json));
        for (String broken : List.of("", "{}", "[", "{\"step\":{\"millis\":-1}}", "{\"step\":{\"millis\":\"x\",\"parts\":3}}")) {
            assertEquals(Optional.empty(), StepProfile.of(broken), broken);
        }
    }

    @Test void thePictureDrawsEachPartAsWideAsItsTimeAndEscapesNames() {
        String svg = FlameChart.svg("title", example());
        assertTrue(svg.contains("x=\"0.0\" y=\"26\" width=\"624.0\"") && svg.contains("x=\"624.0\" y=\"26\" width=\"312.0\"") && svg.contains("x=\"0.0\" y=\"52\" width=\"520.0\""), svg);
        assertTrue(svg.contains("[&lt;8&gt;, 4] [2, 4]ᵀ: 50.00 ms, 50.0 %, 80 GFLOP/s, 6.0 GB/s, 6 calls"), svg);
        assertFalse(svg.contains("<8>"), svg);
    }

    private String train(String name, String... words) throws Exception {
        Files.createDirectories(temp.resolve("text"));
        for (int file = 0; file < 12; file++) {
            Files.writeString(temp.resolve("text").resolve(file + ".txt"), ("some words of text, number " + file + ", to learn from\n").repeat(40));
        }
        var printed = new ByteArrayOutputStream();
        var all = new ArrayList<>(List.of("tiny", "run.dir=" + temp, "data.paths=[\"" + temp.resolve("text") + "\"]", "train.eval_every=0", "train.sample_every=0", "train.checkpoint_every=0"));
        all.addAll(List.of(words));
        new TrainRun(Screen.plain(new PrintStream(printed, true, StandardCharsets.UTF_8)), () -> false).start(ConfigReader.words(all).config(), temp.resolve(name));
        return printed.toString(StandardCharsets.UTF_8);
    }

    private DigestChain chain(String name) {
        return TrainRun.checkpoints(ConfigReader.words(List.of("tiny")).config(), temp.resolve(name)).newest().whole().orElseThrow().manifest().chain();
    }

    @Test void aRunIsMeasuredAndItsBitsStay() throws Exception {
        train("calm", "train.steps=36");
        String said = train("measured", "train.steps=36", "train.profile_steps=4");
        assertEquals(chain("calm"), chain("measured"));
        assertTrue(said.contains("mean of steps 31 to 34") && said.contains("  forward ") && said.contains("  backward ") && said.contains("  update ") && said.contains("  digests "), said);
        StepProfile profile = StepProfile.of(Files.readString(temp.resolve("measured").resolve(StepProfile.FILE))).orElseThrow();
        assertEquals(List.of("forward", "backward", "means", "update", "digests"), profile.step().parts().stream().map(Part::name).toList());
        assertTrue(Files.readString(temp.resolve("measured/report.html")).contains("Where the time of a step goes"));
        assertFalse(Files.readString(temp.resolve("calm/report.html")).contains("Where the time of a step goes"));
    }

    @ParameterizedTest @ValueSource(ints = {32, 6})
    void aRunThatEndsEarlyTellsWhatThereIs(int steps) throws Exception {
        String said = train("short", "train.steps=" + steps, "train.profile_steps=50");
        assertTrue(said.contains(steps > 30 ? "mean of steps 31 to 32" : "no step was measured: the first 30 of a process are left out, and this one did not do more"), said);
    }

    @Test void onlyOneProcessIsMeasured() {
        String message = assertThrows(InputException.class, () -> ConfigReader.words(List.of("tiny", "train.profile_steps=5", "launch.workers=2"))).getMessage();
        assertTrue(message.contains("train.profile_steps is 5 with launch.workers=2, wanted 0"), message);
    }
}
