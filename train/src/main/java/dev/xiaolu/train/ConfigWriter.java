package dev.xiaolu.train;

import java.util.List;
import java.util.Map;

/// Writes a [RunConfig] as YAML: every key of its family, its value and what it means. [ConfigReader] reads it back to an equal config.
public final class ConfigWriter {
    private static final int COMMENT_COLUMN = 44;

    private ConfigWriter() {}

    /// The whole config as YAML.
    public static String yaml(RunConfig config) {
        var out = new StringBuilder();
        Map<String, Object> values = Settings.values(config);
        String section = "";
        for (Settings.Row row : Settings.all()) {
            if (!values.containsKey(row.key())) {                    // another family's
                continue;
            }
            int dot = row.key().indexOf('.');
            if (!row.key().substring(0, dot).equals(section)) {
                section = row.key().substring(0, dot);
                out.append(out.isEmpty() ? "" : "\n").append(section).append(":\n");
            }
            String line = "  " + row.key().substring(dot + 1) + ": " + value(values.get(row.key()));
            out.append(line).repeat(' ', Math.max(2, COMMENT_COLUMN - line.length())).append("# ").append(row.help()).append('\n');
        }
        return out.toString();
    }

    private static String value(Object value) {
        return switch (value) {
            case List<?> list -> list.stream().map(ConfigWriter::value).toList().toString();
            case String text -> text.matches("[A-Za-z_./][A-Za-z0-9_./-]*") && !text.matches("(?i)true|false|null|yes|no|on|off|[.](nan|inf)") ? text : quoted(text);
            case Double number -> Settings.word(number);
            default -> value.toString();
        };
    }

    private static String quoted(String text) {
        var out = new StringBuilder("\"");
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\t' -> out.append("\\t");
                default -> out.append(c < ' ' || c == 0x7F || Character.isSurrogate(c) || c > 0x7E && !Character.isLetterOrDigit(c) ? "\\u%04x".formatted((int) c) : String.valueOf(c));
            }
        }
        return out.append('"').toString();
    }
}
