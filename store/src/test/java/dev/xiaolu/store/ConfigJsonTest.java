package dev.xiaolu.store;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfigJsonTest {
    @TempDir Path folder;

    private ConfigJson config(String json) throws IOException {
        Files.writeString(folder.resolve("config.json"), json.replace('\'', '"'));
        return ConfigJson.read(Disk.real(), folder);
    }

    @Test void valuesAreReadByType() throws IOException {
        var config = config("{'hidden_size':384,'rms_norm_eps':1e-5,'theta':10000,'tie':true,'model_type':'llama','eos':[1,2],'bos':7,'head_dim':null,'rope':{'factor':8.0},'arch':['A']}");
        assertEquals(384, config.integer("hidden_size"));
        assertEquals(1e-5, config.number("rms_norm_eps"));
        assertEquals(10000.0, config.number("theta"));
        assertTrue(config.flag("tie", false));
        assertEquals("llama", config.text("model_type"));
        assertEquals(List.of(1, 2), config.integers("eos"));
        assertEquals(List.of(7), config.integers("bos"));
        assertEquals(64, config.integer("head_dim", 64));
        assertEquals(8.0, config.object("rope").orElseThrow().number("factor"));
        assertEquals(List.of("A"), config.texts("arch"));
        assertTrue(config.object("no such").isEmpty());
        config.refuseUnknown();
        config.throwIfAny();
    }

    @Test void allFaultsAreToldAtOnce() throws IOException {
        var config = config("{'hidden_size':'many','layers':1.5,'big':3000000000,'eps':1e999,'tie':1,'rope':[],'eos':[1,'x']}");
        config.integer("hidden_size");
        config.integer("layers");
        config.integer("big");
        config.number("eps");
        config.flag("tie", false);
        config.object("rope");
        config.integers("eos");
        config.text("model_type");
        String told = assertThrows(InputException.class, config::throwIfAny).getMessage();
        for (String fault : List.of("config.json: 8 faults", "hidden_size is \"many\", wanted a whole number", "layers is 1.5, wanted a whole number", "big is 3000000000, wanted a whole number",
                "wanted a number", "tie is 1, wanted true or false", "rope is [], wanted an object", "eos is [1,\"x\"], wanted a list of whole numbers", "model_type is missing, wanted a text")) {
            assertTrue(told.contains(fault), told);
        }
    }

    @Test void keysNobodyAskedForAreKnownAndRefusedOnWish() throws IOException {
        var config = config("{'hidden_size':1,'hiden_size':2,'torch_dtype':'float32','rope':{'factor':8.0,'twist':1}}");
        config.integer("hidden_size");
        config.harmless("torch_dtype");
        config.object("rope").orElseThrow().number("factor");
        assertEquals(List.of("hiden_size", "rope.twist"), config.unknown());
        config.throwIfAny();
        config.refuseUnknown();
        String told = assertThrows(InputException.class, config::throwIfAny).getMessage();
        assertTrue(told.contains("the key hiden_size is unknown") && told.contains("the key rope.twist is unknown"), told);
    }

    @Test void brokenOrMissingFileIsNamedWithItsPlace() throws IOException {
        assertTrue(assertThrows(InputException.class, () -> config("{'a':1,\n'a':2}")).getMessage().contains("config.json: not valid JSON, line 2 column"));
        assertTrue(assertThrows(InputException.class, () -> config("[1]")).getMessage().endsWith("config.json: not a JSON object"));
        assertTrue(assertThrows(InputException.class, () -> config("{} {}")).getMessage().contains("not valid JSON"));
        assertTrue(assertThrows(InputException.class, () -> config("{'a':".repeat(100))).getMessage().contains("not valid JSON"));
        Files.delete(folder.resolve("config.json"));
        assertEquals(folder.resolve("config.json") + ": no such file, wanted a model's config", assertThrows(InputException.class, () -> ConfigJson.read(Disk.real(), folder)).getMessage());
    }

    @Test void equalConfigsAreEqualFilesWhateverTheirOrder() {
        byte[] bytes = ConfigJson.toBytes(Map.of("b", 1, "a", Map.of("d", List.of(1, 2), "c", 1e-5)));
        assertEquals("{\n  \"a\": {\n    \"c\": 1.0E-5,\n    \"d\": [ 1, 2 ]\n  },\n  \"b\": 1\n}\n", new String(bytes, UTF_8));
        assertTrue(Arrays.equals(bytes, ConfigJson.toBytes(new java.util.TreeMap<>(Map.of("a", Map.of("c", 1e-5, "d", List.of(1, 2)), "b", 1)))));
    }
}
