package dev.xiaolu.store;

import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.platform.InputException;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;

/// The JSON in front of a safetensors file, checked: every tensor's type, shape and place, and the free metadata.
///
/// After the check the tensors, in the order of their offsets, cover the data without holes or overlaps, and every length is its shape times its type.
///
/// @param entries by name, in the order of their offsets
/// @param metadata the texts under `__metadata__`
record SafetensorsHeader(Map<String, Entry> entries, Map<String, String> metadata) {
    static final String METADATA = "__metadata__";
    private static final int MAX_RANK = 32;

    /// One tensor: bytes `begin` (inclusive) to `end` (exclusive) of the data.
    record Entry(TensorType type, long begin, long end) {}

    /// Parses and checks a header; `subject` names the file, `dataBytes` is the length of what follows the header.
    static SafetensorsHeader parse(String subject, byte[] json, long dataBytes) {
        checkInput(json.length >= 2 && json[0] == '{', "%s: the header does not begin with '{'; not a safetensors file, or a damaged one", subject);
        var found = new LinkedHashMap<String, Entry>();
        var metadata = new TreeMap<String, String>();
        try (JsonParser parser = Json.FACTORY.createParser(ObjectReadContext.empty(), json)) {
            parser.nextToken();
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                String name = parser.currentName();
                parser.nextToken();
                if (name.equals(METADATA)) {
                    readMetadata(subject, parser, metadata);
                } else {
                    found.put(name, readEntry(subject, name, parser));
                }
            }
            long end = parser.currentLocation().getByteOffset();
            for (int i = (int) end; i < json.length; i++) {
                checkInput(json[i] == ' ', "%s: the header goes on after its end, at byte %d; only spaces may follow", subject, i);
            }
        } catch (JacksonException broken) {
            throw new InputException(subject + ": the header is not valid JSON, " + Json.words(broken), broken);
        }
        return new SafetensorsHeader(inOrder(subject, found, dataBytes), metadata);
    }

    private static void readMetadata(String subject, JsonParser parser, Map<String, String> metadata) {
        checkInput(parser.currentToken() == JsonToken.START_OBJECT, "%s: %s is no JSON object", subject, METADATA);
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String key = parser.currentName();
            checkInput(parser.nextToken() == JsonToken.VALUE_STRING, "%s: %s '%s' is no text", subject, METADATA, key);
            metadata.put(key, parser.getString());
        }
    }

    private static Entry readEntry(String subject, String name, JsonParser parser) {
        checkInput(parser.currentToken() == JsonToken.START_OBJECT, "%s: tensor '%s' is described by no JSON object", subject, name);
        DType dtype = null;
        long[] shape = null;
        long[] offsets = null;
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String key = parser.currentName();
            parser.nextToken();
            switch (key) {
                case "dtype" -> {
                    checkInput(parser.currentToken() == JsonToken.VALUE_STRING, "%s: tensor '%s': dtype is no text", subject, name);
                    dtype = dtype(subject, name, parser.getString());
                }
                case "shape" -> shape = readNumbers(subject, name, key, parser);
                case "data_offsets" -> offsets = readNumbers(subject, name, key, parser);
                default -> checkInput(false, "%s: tensor '%s' has the unknown key '%s'; wanted dtype, shape and data_offsets", subject, name, key);
            }
        }
        checkInput(dtype != null && shape != null && offsets != null, "%s: tensor '%s' lacks %s", subject, name,
            dtype == null ? "dtype" : shape == null ? "shape" : "data_offsets");
        checkInput(offsets.length == 2, "%s: tensor '%s' has %d data_offsets, wanted 2", subject, name, offsets.length);
        return entry(subject, name, dtype, shape, offsets[0], offsets[1]);
    }

    private static DType dtype(String subject, String name, String dtype) {
        return Arrays.stream(DType.values()).filter(known -> known.name().equals(dtype)).findFirst().orElseThrow(() ->
            InputException.of("%s: tensor '%s' has dtype %s, wanted one of %s; convert the file first", subject, name, dtype, Arrays.toString(DType.values())));
    }

    private static long[] readNumbers(String subject, String name, String key, JsonParser parser) {
        checkInput(parser.currentToken() == JsonToken.START_ARRAY, "%s: tensor '%s': %s is no list", subject, name, key);
        long[] numbers = new long[MAX_RANK];
        int count = 0;
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            boolean whole = parser.currentToken() == JsonToken.VALUE_NUMBER_INT
                && parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER && parser.getLongValue() >= 0;
            checkInput(whole, "%s: tensor '%s': %s holds %s, wanted whole numbers from 0 to 2^63 - 1", subject, name, key, parser.getString());
            checkInput(count < MAX_RANK, "%s: tensor '%s': %s has more than %d numbers", subject, name, key, MAX_RANK);
            numbers[count++] = parser.getLongValue();
        }
        return Arrays.copyOf(numbers, count);
    }

    private static Entry entry(String subject, String name, DType dtype, long[] sizes, long begin, long end) {
        TensorType type;
        long bytes;
        try {
            type = new TensorType(dtype, Shape.of(sizes));
            bytes = type.bytes();
        } catch (IllegalArgumentException | ArithmeticException tooLarge) {
            throw new InputException("%s: tensor '%s' of shape %s is larger than any file".formatted(subject, name, Arrays.toString(sizes)), tooLarge);
        }
        checkInput(begin <= end, "%s: tensor '%s' ends at byte %d, before its beginning at %d", subject, name, end, begin);
        checkInput(end - begin == bytes, "%s: tensor '%s' has %d bytes, wanted %d for %s", subject, name, end - begin, bytes, type);
        return new Entry(type, begin, end);
    }

    private static Map<String, Entry> inOrder(String subject, Map<String, Entry> found, long dataBytes) {
        var order = new ArrayList<>(found.entrySet());
        order.sort(Comparator.comparingLong((Map.Entry<String, Entry> e) -> e.getValue().begin).thenComparingLong(e -> e.getValue().end));
        var entries = new LinkedHashMap<String, Entry>();
        long end = 0;
        for (var next : order) {
            Entry entry = next.getValue();
            checkInput(entry.end <= dataBytes, "%s: tensor '%s' ends at data byte %d, but the file has only %d; it is cut short or damaged",
                subject, next.getKey(), entry.end, dataBytes);
            checkInput(entry.begin == end, "%s: tensor '%s' begins at data byte %d, wanted %d: tensors may neither overlap nor leave holes",
                subject, next.getKey(), entry.begin, end);
            end = entry.end;
            entries.put(next.getKey(), entry);
        }
        checkInput(end == dataBytes, "%s: the tensors end at data byte %d, but the file has %d", subject, end, dataBytes);
        return entries;
    }

    /// Lays tensors out one behind another: wide elements first, so that every tensor is aligned to its elements, then by type and name.
    static SafetensorsHeader layOut(Map<String, TensorType> types, Map<String, String> metadata) {
        List<String> names = new ArrayList<>(types.keySet());
        names.sort(Comparator.comparingInt((String name) -> -types.get(name).dtype().bytes())
            .thenComparing(name -> types.get(name).dtype()).thenComparing(Comparator.naturalOrder()));
        var entries = new LinkedHashMap<String, Entry>();
        long end = 0;
        for (String name : names) {
            long begin = end;
            end = Math.addExact(end, types.get(name).bytes());
            entries.put(name, new Entry(types.get(name), begin, end));
        }
        return new SafetensorsHeader(entries, new TreeMap<>(metadata));
    }

    /// The header as JSON, filled up with spaces to a multiple of 8 bytes.
    byte[] toJson() {
        var bytes = new ByteArrayOutputStream();
        try (var json = Json.FACTORY.createGenerator(ObjectWriteContext.empty(), bytes)) {
            json.writeStartObject();
            if (!metadata.isEmpty()) {
                json.writeName(METADATA);
                json.writeStartObject();
                metadata.forEach(json::writeStringProperty);
                json.writeEndObject();
            }
            entries.forEach((name, entry) -> {
                json.writeName(name);
                json.writeStartObject();
                json.writeStringProperty("dtype", entry.type.dtype().name());
                json.writeName("shape");
                json.writeArray(entry.type.shape().toArray(), 0, entry.type.shape().rank());
                json.writeName("data_offsets");
                json.writeArray(new long[] {entry.begin, entry.end}, 0, 2);
                json.writeEndObject();
            });
            json.writeEndObject();
        }
        while (bytes.size() % 8 != 0) {
            bytes.write(' ');
        }
        return bytes.toByteArray();
    }
}
