package dev.xiaolu.nn;

import static dev.xiaolu.platform.Check.checkInput;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Elementary;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.function.IntToDoubleFunction;

/// Cosines and sines of rotary position embedding, worked out once on the host, as far as positions are asked for.
///
/// The frequency of pair `i` is `theta^(−2i/dim)`, by `StrictMath.pow` (whose bits Java specifies) in double and rounded to F32; angles are F32 products `position · frequency`, as published models
/// were trained with; their cosines and sines are our own.
///
/// A row is a function of its position alone, so a longer table begins with the bits of a shorter one. Thread-safe. Tables live as long as someone holds them: growing leaves the shorter one to those who do.
public final class RopeTable {
    private static final int FEWEST = 1024;

    private final int positions;
    private final int dim;
    private final float[] frequency;                             // [dim / 2]
    private volatile Tensor table;

    private RopeTable(int positions, int dim, IntToDoubleFunction frequencies) {
        this.positions = positions;
        this.dim = dim;
        frequency = new float[dim / 2];
        for (int i = 0; i < frequency.length; i++) {
            frequency[i] = (float) frequencies.applyAsDouble(i);
        }
        table = Tensor.zeros(Arena.ofAuto(), DType.F32, Shape.of(0, dim));
    }

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

    /// YaRN's stretching of low frequencies, without its factor on the cosines and sines. Source: Peng et al. 2023, arXiv:2309.00071.
    ///
    /// @param factor                        how far low frequencies are stretched
    /// @param betaFast                      pairs that turn more often than this within the original context are left alone
    /// @param betaSlow                      pairs that turn less often are stretched fully
    /// @param originalMaxPositionEmbeddings the context length before stretching, in tokens
    public record YarnScaling(double factor, double betaFast, double betaSlow, int originalMaxPositionEmbeddings) {
        /// Frequency of pair `pair` of `dim / 2`. Between the bounds, which are whole pairs inside the table, the mixture is linear in the pair's index.
        private double stretch(double frequency, int pair, int dim, double theta) {
            double low = Math.max(Math.floor(pairTurning(betaFast, dim, theta)), 0);
            double high = Math.min(Math.ceil(pairTurning(betaSlow, dim, theta)), dim - 1);
            double share = Math.clamp((pair - low) / (high == low ? 0.001 : high - low), 0.0, 1.0);
            return frequency * (1 - share) + frequency / factor * share;
        }

        /// The pair, as a real number, that turns `turns` times within the original context.
        private double pairTurning(double turns, int dim, double theta) {
            return dim * StrictMath.log(originalMaxPositionEmbeddings / (turns * 2 * Math.PI)) / (2 * StrictMath.log(theta));
        }
    }

    /// The table `[positions, dim]`: a row holds `dim/2` cosines, then `dim/2` sines.
    ///
    /// @param arena owns the table
    /// @param dim   channels of a head that are rotated, even
    public static Tensor of(Arena arena, int positions, int dim, double theta, Optional<Llama3Scaling> scaling) {
        var whole = new RopeTable(positions, dim, pair -> {
            double exact = 1 / StrictMath.pow(theta, 2.0 * pair / dim);
            return scaling.isPresent() ? scaling.get().stretch((float) exact) : exact;
        });
        Tensor table = Tensor.zeros(arena, DType.F32, Shape.of(positions, dim));
        whole.fill(table, 0);
        return table;
    }

    /// A table that grows to at most `positions` rows, with YaRN's stretching, where there is one.
    public static RopeTable stretched(int positions, int dim, double theta, Optional<YarnScaling> scaling) {
        return new RopeTable(positions, dim, pair -> {
            double exact = 1 / StrictMath.pow(theta, 2.0 * pair / dim);
            return scaling.isPresent() ? scaling.get().stretch(exact, pair, dim, theta) : exact;
        });
    }

    /// A table of at least `needed` rows, `[rows, dim]`: twice as many as before where it has to grow, so that all growing together costs no more than one whole table.
    public Tensor upTo(long needed) {
        checkInput(needed <= positions, "position %d, wanted at most %d, the longest context less one", needed - 1, positions - 1);
        Tensor now = table;
        return needed <= now.shape().axis(0) ? now : grown(needed);
    }

    private synchronized Tensor grown(long needed) {
        Tensor now = table;
        long rows = now.shape().axis(0);
        if (needed > rows) {
            Tensor longer = Tensor.zeros(Arena.ofAuto(), DType.F32, Shape.of(Math.min(positions, Math.max(Math.max(FEWEST, 2 * rows), needed)), dim));
            MemorySegment.copy(now.data(), 0, longer.data(), 0, 4 * rows * dim);
            fill(longer, rows);
            table = longer;
        }
        return table;
    }

    /// Works out the rows from `from` on.
    private void fill(Tensor table, long from) {
        int half = dim / 2;
        for (long position = from; position < table.shape().axis(0); position++) {
            for (int i = 0; i < half; i++) {
                float angle = position * frequency[i];
                table.data().setAtIndex(JAVA_FLOAT, position * dim + i, Elementary.cos(angle));
                table.data().setAtIndex(JAVA_FLOAT, position * dim + half + i, Elementary.sin(angle));
            }
        }
    }
}
