package dev.xiaolu.prompt;

import dev.xiaolu.platform.InputException;
import java.math.BigDecimal;
import java.util.StringJoiner;
import tools.jackson.databind.JsonNode;

/// JSON on one line as the models of this family have read it: `, ` and `: ` between values, letters of all scripts as they are, keys in their order,
/// fractions in the fewest digits that mean the same number, with an exponent below 1e-4 and from 1e16 on.
final class SpacedJson {
    private SpacedJson() {}

    static String of(JsonNode value) {
        if (value.isObject()) {
            var object = new StringJoiner(", ", "{", "}");
            value.properties().forEach(entry -> object.add(quoted(entry.getKey()) + ": " + of(entry.getValue())));
            return object.toString();
        }
        if (value.isArray()) {
            var list = new StringJoiner(", ", "[", "]");
            value.forEach(element -> list.add(of(element)));
            return list.toString();
        }
        if (value.isString()) {
            return quoted(value.stringValue());
        }
        return value.isNumber() && !value.isIntegralNumber() ? fraction(value.doubleValue(), value) : value.toString();
    }

    static String quoted(String text) {
        var out = new StringBuilder(text.length() + 2).append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\b' -> out.append("\\b");
                case '\f' -> out.append("\\f");
                default -> {
                    if (c < 0x20) {
                        out.append("\\u%04x".formatted((int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        return out.append('"').toString();
    }

    private static String fraction(double number, JsonNode written) {
        if (!Double.isFinite(number)) {
            throw InputException.of("the number %s is too large, wanted at most %s", written, Double.MAX_VALUE);
        }
        if (number == 0) {
            return Double.toString(number);
        }
        BigDecimal shortest = new BigDecimal(Double.toString(number)).stripTrailingZeros();
        int exponent = shortest.precision() - shortest.scale() - 1;
        if (exponent >= -4 && exponent < 16) {
            return shortest.scale() <= 0 ? shortest.toPlainString() + ".0" : shortest.toPlainString();
        }
        String digits = shortest.unscaledValue().abs().toString();
        String fraction = digits.length() == 1 ? digits : digits.charAt(0) + "." + digits.substring(1);
        return "%s%se%s%02d".formatted(number < 0 ? "-" : "", fraction, exponent < 0 ? "-" : "+", Math.abs(exponent));
    }
}
