package dev.xiaolu.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;

class TextNormalizerTest {
    @ParameterizedTest
    @EnumSource(Normalizer.Form.class)
    void normalizesAsHuggingFace(Normalizer.Form form) {
        JsonNode golden = Goldens.json("normal_forms.json");
        var normalizer = new TextNormalizer(List.of(form));
        assertTrue(golden.get("texts").size() > 200);
        for (int i = 0; i < golden.get("texts").size(); i++) {
            String text = golden.get("texts").get(i).stringValue();
            byte[] found = normalizer.apply(text.getBytes(StandardCharsets.UTF_8));
            assertEquals(golden.get(form.name()).get(i).stringValue(), new String(found, StandardCharsets.UTF_8), () -> text.codePoints().mapToObj(Integer::toHexString).toList().toString());
        }
    }

    @Test void aNormalTextIsGivenBackAsItIs() {
        var nfc = new TextNormalizer(List.of(Normalizer.Form.NFC));
        for (String text : List.of("", "plain", "schön", "小鹿", "x\u0327")) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            assertSame(bytes, nfc.apply(bytes), text);
        }
    }

    @Test void formsAreAppliedInOrder() {
        var both = new TextNormalizer(List.of(Normalizer.Form.NFKD, Normalizer.Form.NFC));
        assertEquals("fié", new String(both.apply("ﬁe\u0301".getBytes(StandardCharsets.UTF_8)), StandardCharsets.UTF_8));
    }
}
