package dev.xiaolu.cli;

import dev.xiaolu.store.Json;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// Rows under headings, for people as columns, for scripts as a JSON list of objects in which numbers, truths and lists stay what they are.
final class Table {
    private final List<String> headings;
    private final List<List<Object>> rows = new ArrayList<>();

    Table(String... headings) {
        this.headings = List.of(headings);
    }

    Table row(Object... cells) {
        if (cells.length != headings.size()) {
            throw new IllegalArgumentException("%d cells under %d headings".formatted(cells.length, headings.size()));
        }
        rows.add(List.of(cells));
        return this;
    }

    void print(PrintStream out, boolean json) {
        if (json) {
            out.writeBytes(json());
            return;
        }
        int[] widths = new int[headings.size()];
        for (int i = 0; i < widths.length; i++) {
            int column = i;
            widths[i] = Math.max(headings.get(i).length(), rows.stream().mapToInt(row -> text(row.get(column)).length()).max().orElse(0));
        }
        out.println(line(headings, widths));
        rows.forEach(row -> out.println(line(row.stream().map(Table::text).toList(), widths)));
    }

    private byte[] json() {
        var all = new ArrayList<Map<String, Object>>();
        for (List<Object> row : rows) {
            var object = new LinkedHashMap<String, Object>();
            for (int i = 0; i < row.size(); i++) {
                Object cell = row.get(i);
                object.put(headings.get(i).replace(' ', '_'), cell instanceof Number || cell instanceof Boolean || cell instanceof List ? cell : text(cell));
            }
            all.add(object);
        }
        return Json.write(all);
    }

    /// A cell for people: long numbers with commas.
    private static String text(Object cell) {
        return cell instanceof Long number ? String.format(Locale.ROOT, "%,d", number) : String.valueOf(cell);
    }

    private static String line(List<String> cells, int[] widths) {
        var out = new StringBuilder();
        for (int i = 0; i < widths.length; i++) {
            out.append(cells.get(i));
            if (i < widths.length - 1) {
                out.repeat(' ', widths[i] - cells.get(i).length() + 2);
            }
        }
        return out.toString().stripTrailing();
    }
}
