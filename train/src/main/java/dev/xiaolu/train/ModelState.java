package dev.xiaolu.train;

import dev.xiaolu.op.Cast;
import dev.xiaolu.op.Digest;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.store.TensorDigest;
import dev.xiaolu.store.TensorSource;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;

/// What a checkpoint carries of model and optimizer. Runs on the current [Compute].
public final class ModelState {
    private ModelState() {}

    /// The fingerprint of every tensor.
    public static Map<String, TensorDigest> digests(Map<String, Tensor> tensors) {
        Scratch scratch = Compute.current().scratch();
        Scratch.Mark before = scratch.mark();
        var digests = new LinkedHashMap<String, TensorDigest>();
        tensors.forEach((name, tensor) -> digests.put(name, TensorDigest.of(tensor.type(), Compute.one(new Digest(0), tensor))));
        scratch.reset(before);
        return digests;
    }

    /// Copies saved tensors into those of an optimizer and of what else a step needs; refuses missing, misshapen and foreign ones by name.
    public static void restore(String subject, TensorSource source, Map<String, Tensor> state) {
        for (String name : source.names()) {
            if (!state.containsKey(name)) {
                throw InputException.of("%s: the optimizer has no tensor %s; it was saved with another optim.name", subject, name);
            }
        }
        state.forEach((name, tensor) -> {
            if (!source.names().contains(name) || !source.type(name).equals(tensor.type())) {
                throw InputException.of("%s: optimizer tensor %s is %s, wanted %s", subject, name, source.names().contains(name) ? source.type(name) : "missing", tensor.type());
            }
            Compute.into(new Cast(tensor.dtype()), new Tensor[] {source.tensor(name)}, tensor);
        });
    }
}
