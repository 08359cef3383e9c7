package dev.xiaolu.store;

import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.platform.InputException;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// What a checkpoint holds and by what it is known to be whole. Written as [SealedJson].
///
/// @param arithmetic the version of the arithmetic that made the weights
/// @param step steps done
/// @param files every other file of the checkpoint, by name
/// @param tensors the fingerprint of every weight
/// @param weightsDigest the [DigestChain#digest] of `tensors`
/// @param chain the run's digest chain up to this step
/// @param extra whatever the run wants to find again: its config, its counters
public record Manifest(int arithmetic, long step, Map<String, FileSeal> files, Map<String, TensorDigest> tensors, String weightsDigest,
        DigestChain chain, JsonNode extra) {
    /// The name of the file.
    public static final String FILE = "manifest.json";
    static final int FORMAT = 1;

    /// The bytes of the file.
    byte[] toBytes() {
        var json = new LinkedHashMap<String, Object>();
        json.put("format", FORMAT);
        json.put("arithmetic", arithmetic);
        json.put("step", step);
        json.put("weights_digest", weightsDigest);
        json.put("digest_chain", chain.hex());
        json.put("extra", extra);
        json.put("files", new TreeMap<>(files));
        var described = new TreeMap<String, Object>();
        tensors.forEach((name, digest) -> {
            var tensor = new LinkedHashMap<String, Object>();
            tensor.put("dtype", digest.type().dtype().name());
            tensor.put("shape", digest.type().shape().toArray());
            tensor.put("digest", digest.hex());
            described.put(name, tensor);
        });
        json.put("tensors", described);
        return SealedJson.write(json);
    }

    /// Reads the bytes of the file; refuses them when a bit is not as it was written. `subject` opens the message.
    static Manifest parse(String subject, byte[] bytes) {
        JsonNode json = SealedJson.read(subject, bytes);
        checkInput(json.path("format").asInt(0) == FORMAT, "%s has format %s, this program reads %d", subject, json.path("format"), FORMAT);
        try {
            return of(json);
        } catch (JacksonException | IllegalArgumentException | InputException unfit) {
            throw new InputException("%s is not as this program writes it: %s".formatted(subject, unfit.getMessage()), unfit);
        }
    }

    private static Manifest of(JsonNode json) {
        var files = new TreeMap<String, FileSeal>();
        for (var file : json.required("files").properties()) {
            checkInput(PlainName.is(file.getKey()), "'%s' is no plain file name", file.getKey());
            JsonNode seal = file.getValue();
            files.put(file.getKey(), new FileSeal(seal.required("bytes").longValue(), seal.required("sha256").stringValue(), seal.required("crc32c").stringValue()));
        }
        var tensors = new TreeMap<String, TensorDigest>();
        for (var entry : json.required("tensors").properties()) {
            JsonNode tensor = entry.getValue();
            String hex = tensor.required("digest").stringValue();
            checkInput(hex.matches("[0-9a-f]{32}"), "digest '%s' of tensor '%s', wanted 32 hex digits", hex, entry.getKey());
            var type = new TensorType(DType.named(tensor.required("dtype").stringValue()),
                Shape.of(tensor.required("shape").valueStream().mapToLong(JsonNode::longValue).toArray()));
            tensors.put(entry.getKey(), new TensorDigest(type, Long.parseUnsignedLong(hex, 0, 16, 16), Long.parseUnsignedLong(hex, 16, 32, 16)));
        }
        String weightsDigest = json.required("weights_digest").stringValue();
        checkInput(DigestChain.digest(tensors).equals(weightsDigest), "weights_digest %s is not the digest of its tensors", weightsDigest);
        return new Manifest(json.required("arithmetic").intValue(), json.required("step").longValue(), files, tensors, weightsDigest,
            new DigestChain(json.required("digest_chain").stringValue()), json.required("extra"));
    }
}
