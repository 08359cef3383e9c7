package dev.xiaolu.train;

import dev.xiaolu.nn.RouterLoad;
import dev.xiaolu.platform.InputException;
import java.util.List;

/// What the sums of a whole step say: its losses, the norm of its gradient, and whether it may change the weights.
///
/// @param losses of all leaves
/// @param norm   of the mean gradient before clipping; NaN where an element left the range of its exact sum
public record Verdict(LossSums losses, double norm) {
    private static final double CLIP_EPSILON = 1e-6;

    /// Whether losses and gradient are finite numbers.
    public boolean sound() {
        return losses.finite() && norm < Double.POSITIVE_INFINITY;
    }

    /// Factor on every gradient; `clipNorm` 0 leaves gradients as they are.
    public float scale(double clipNorm) {
        return clipNorm > 0 ? (float) Math.min(1, clipNorm / (norm + CLIP_EPSILON)) : 1;
    }

    /// The step as it is told.
    public StepResult result(long step, double rate, long tokens, List<RouterLoad> routers) {
        return new StepResult(step, losses.nextToken(), losses.terms(), norm, rate, tokens, routers, sound());
    }

    /// Where gradients were not sound, in words; empty where all were.
    ///
    /// @param outside the tensors, in the order in which it was found
    public static String where(List<String> outside) {
        return switch (outside.size()) {
            case 0 -> "";
            case 1 -> "in " + outside.getFirst();
            default -> "in %s and %d more".formatted(outside.getFirst(), outside.size() - 1);
        };
    }

    /// What to tell the run's owner of a step that was not sound.
    ///
    /// @param where what [#where] says, where it is known
    /// @param state where the weights stand
    public static InputException refusal(StepResult result, String where, String state) {
        boolean gradient = Double.isNaN(result.gradNorm()) || Double.isInfinite(result.gradNorm());
        return InputException.of("step %d: found %s, wanted finite numbers; %s; lower optim.learning_rate, raise optim.warmup_steps or look at the data of this step", result.step(),
                gradient ? "a gradient outside the range of its exact sum, or NaN" + (where.isEmpty() ? "" : ", " + where) : "a loss of " + result.loss(), state);
    }
}
