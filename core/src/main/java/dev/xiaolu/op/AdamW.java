package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// One step of AdamW on one parameter, changing `param`, `m` and `v` in place.
///
/// Takes `param [...]`, `grad [...]`, `m [...]`, `v [...]`, all F32 of one shape; gives nothing. Each operation rounded once:
/// `g = grad · gradScale`; `m = fma(beta1, m, (1−beta1) · g)`; `v = fma(beta2, v, ((1−beta2) · g) · g)`; `d = √v / rootCorrection2 + epsilon`;
/// `param = fma(−stepSize, m / d, param · keep)`. The scalars that depend on the step come from [#at]. Source: Loshchilov and Hutter 2017, arXiv:1711.05101.
///
/// @param beta1           decay of the first moment
/// @param rest1           `1 − beta1`, rounded once from the exact difference
/// @param beta2           decay of the second moment
/// @param rest2           `1 − beta2`, rounded likewise
/// @param epsilon         added to the root
/// @param gradScale       factor on the gradient, from clipping by global norm
/// @param stepSize        learning rate divided by `1 − beta1^t`
/// @param rootCorrection2 `√(1 − beta2^t)`
/// @param keep            `1 − learningRate · weightDecay`
public record AdamW(float beta1, float rest1, float beta2, float rest2, float epsilon, float gradScale, float stepSize, float rootCorrection2, float keep) implements Op.Plain {
    @Override public Numerics numerics() {
        return Numerics.exact().withFma();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "param grad m v");
        Shape param = Types.f32(this, inputs, 0, "param");
        Types.same(this, "grad", Types.f32(this, inputs, 1, "grad"), "param", param);
        Types.same(this, "m", Types.f32(this, inputs, 2, "m"), "param", param);
        Types.same(this, "v", Types.f32(this, inputs, 3, "v"), "param", param);
        return List.of();
    }

    /// The step numbered `step` (from 1) of a schedule: the scalars are worked out in double precision and rounded once each.
    ///
    /// @param learningRate the rate of this step
    /// @param weightDecay  decoupled decay, multiplied by the rate
    public static AdamW at(long step, double learningRate, double beta1, double beta2, double epsilon, double weightDecay, float gradScale) {
        check(step >= 1, "AdamW: step is %d, wanted 1 or more", step);
        double correction1 = 1 - power(beta1, step);
        double correction2 = 1 - power(beta2, step);
        return new AdamW((float) beta1, (float) (1 - beta1), (float) beta2, (float) (1 - beta2), (float) epsilon, gradScale,
                (float) (learningRate / correction1), (float) Math.sqrt(correction2), (float) (1 - learningRate * weightDecay));
    }

    /// `base^exponent` by squaring: only multiplications, so the same on every machine.
    private static double power(double base, long exponent) {
        double result = 1;
        for (double square = base; exponent > 0; exponent >>= 1, square *= square) {
            if ((exponent & 1) == 1) {
                result *= square;
            }
        }
        return result;
    }
}
