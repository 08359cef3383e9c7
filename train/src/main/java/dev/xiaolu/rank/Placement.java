package dev.xiaolu.rank;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.nn.LanguageModel;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Which rank updates a parameter, and at which ranks its optimizer state lives: at its owner and at those behind it in the ring of members.
///
/// A function of the members and the model alone, so that every rank works it out by itself. Parameters stay whole: an orthogonal update needs all of a matrix. Source: ZeRO-1, Rajbhandari et al. 2019, arXiv:1910.02054.
///
/// @param members in order
/// @param copies  at how many members state lives, at most all of them
/// @param owners  place of the owner among the members, by parameter
record Placement(List<Long> members, int copies, Map<String, Integer> owners) {
    private static final long MATMULS = 8;                       // multiply-adds of an orthogonal update for each element and each of the smaller side's, over those of an element-wise one, roughly

    /// Gives the costliest parameter first to whoever has least to do; ties go to the earlier member.
    static Placement of(List<Long> members, int copies, LanguageModel model, Collection<Parameter> trained) {
        var owners = new HashMap<String, Integer>();
        long[] load = new long[members.size()];
        List<Parameter> sorted = new ArrayList<>(trained);
        sorted.sort(Comparator.comparingLong((Parameter parameter) -> -cost(model, parameter)).thenComparing(Parameter::name));
        for (Parameter parameter : sorted) {
            int least = 0;
            for (int i = 1; i < load.length; i++) {
                least = load[i] < load[least] ? i : least;
            }
            load[least] += cost(model, parameter);
            owners.put(parameter.name(), least);
        }
        return new Placement(List.copyOf(members), Math.min(copies, members.size()), owners);
    }

    private static long cost(LanguageModel model, Parameter parameter) {
        long smaller = parameter.shape().rank() < 2 ? 1 : Math.min(parameter.shape().axis(-1), parameter.shape().axis(-2));
        return parameter.shape().size() * (model.isHiddenMatrix(parameter.name()) ? MATMULS + smaller : MATMULS);
    }

    /// Who updates a parameter.
    long owner(String parameter) {
        return members.get(owners.get(parameter));
    }

    /// Who has its optimizer state, the owner first.
    List<Long> holders(String parameter) {
        var holders = new ArrayList<Long>();
        for (int i = 0; i < copies; i++) {
            holders.add(members.get((owners.get(parameter) + i) % members.size()));
        }
        return holders;
    }

    boolean isOwner(long id, String parameter) {
        return owner(parameter) == id;
    }

    boolean isHolder(long id, String parameter) {
        return holders(parameter).contains(id);
    }
}
