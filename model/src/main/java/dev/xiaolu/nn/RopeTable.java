package dev.xiaolu.nn;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Elementary;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Optional;

/// Cosines and sines of rotary position embedding, worked out once on the host.
///
/// The frequency of pair `i` is `theta^(−2i/dim)`, by `StrictMath.pow` (whose bits Java specifies) in double and rounded to F32; angles are F32 products `position · frequency`, as published models
/// were trained with; their cosines and sines are our own.
public final class RopeTable {
    private RopeTable() {}

    /// Llama 3's stretching of low frequencies.
    ///
    /// @param factor                        how far low frequencies are stretched
    /// @param lowFreqFactor                 wavelengths above `original / lowFreqFactor` are stretched fully
    /// @param highFreqFactor                wavelengths below `original / highFreqFactor` are left alone
    /// @param originalMaxPositionEmbeddings the context length before stretching, in tokens
    public record Llama3Scaling(double factor, double lowFreqFactor, double highFreqFactor, int originalMaxPositionEmbeddings) {
        private double stretch(double frequency) {
            double wavelength = 2 * Math.PI / frequency;
            double original = originalMaxPositionEmbeddings;
            if (wavelength > original / lowFreqFactor) {
                return frequency / factor;
            }
            if (wavelength < original / highFreqFactor) {
                return frequency;
            }
            double smooth = (original / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
            return (1 - smooth) * frequency / factor + smooth * frequency;
        }
    }

    /// The table `[positions, dim]`: a row holds `dim/2` cosines, then `dim/2` sines.
    ///
    /// @param arena owns the table
    /// @param dim   channels of a head that are rotated, even
    public static Tensor of(Arena arena, int positions, int dim, double theta, Optional<Llama3Scaling> scaling) {
        Tensor table = Tensor.zeros(arena, dev.xiaolu.shape.DType.F32, Shape.of(positions, dim));
        int half = dim / 2;
        for (int i = 0; i < half; i++) {
            double exact = 1 / StrictMath.pow(theta, 2.0 * i / dim);
            float frequency = (float) (scaling.isPresent() ? scaling.get().stretch((float) exact) : exact);
            for (int position = 0; position < positions; position++) {
                float angle = position * frequency;
                table.setFloat(Elementary.cos(angle), position, i);
                table.setFloat(Elementary.sin(angle), position, i + half);
            }
        }
        return table;
    }
}
