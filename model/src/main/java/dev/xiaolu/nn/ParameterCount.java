package dev.xiaolu.nn;

import java.util.Locale;

/// How many numbers a model consists of, in the words in which every command tells it.
///
/// @param counted without what `without` names, as the sizes of published models are told
/// @param without what that leaves out, for people; empty where nothing is
/// @param all     with it
public record ParameterCount(long counted, String without, long all) {
    /// A count that leaves out nothing.
    public static ParameterCount of(long all) {
        return new ParameterCount(all, "", all);
    }

    /// For example `1,094,251 parameters without router biases; 1,094,283 with them`.
    public String words() {
        return without.isEmpty() ? String.format(Locale.ROOT, "%,d parameters", all) : String.format(Locale.ROOT, "%,d parameters without %s; %,d with them", counted, without, all);
    }
}
