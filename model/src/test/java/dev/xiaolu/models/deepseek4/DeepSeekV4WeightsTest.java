package dev.xiaolu.models.deepseek4;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.models.deepseek4.DeepSeekV4Weights.Form;
import dev.xiaolu.nn.Parameters;
import dev.xiaolu.nn.RandomFiller;
import dev.xiaolu.op.Blocks;
import dev.xiaolu.op.Dequantise;
import dev.xiaolu.op.Quantise;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.store.Safetensors;
import dev.xiaolu.store.TensorSource;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Golden;
import dev.xiaolu.testkit.Inputs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class DeepSeekV4WeightsTest {
    private static final DeepSeekV4Config CONFIG = TinyV4.config(TinyV4.TINY);

    @TempDir Path folder;

    private static Parameters drawn(Arena arena) {
        return TinyV4.parameters(CONFIG, true, arena, new RandomFiller(RandomKey.ofSeed(11)));
    }

    private static Parameters read(Path from, Arena arena) {
        try (DeepSeekV4Checkpoint checkpoint = DeepSeekV4Weights.open(from)) {
            Parameters parameters = TinyV4.parameters(checkpoint.config(), checkpoint.hasPrediction(), arena, checkpoint);
            assertEquals(Set.of(), checkpoint.unread());
            return parameters;
        }
    }

    private static void save(Path into, Parameters parameters, Form form) {
        DeepSeekV4Weights.save(Disk.real(), into, CONFIG, parameters, form, 300_000);
    }

    private static void assertSame(Parameters wanted, Parameters found) {
        for (String name : found.names()) {
            assertEquals(-1, wanted.named(name).value().data().mismatch(found.named(name).value().data()), name);
        }
        assertEquals(wanted.tables().keySet(), found.tables().keySet());
        wanted.tables().forEach((name, table) -> assertEquals(-1, table.data().mismatch(found.tables().get(name).data()), name));
    }

    /// The bytes of every tensor by name, whatever the shards.
    private static Map<String, byte[]> bytes(Path folder) {
        var bytes = new TreeMap<String, byte[]>();
        try (TensorSource source = TensorSource.open(folder)) {
            source.names().forEach(name -> bytes.put(name, source.tensor(name).data().toArray(JAVA_BYTE)));
        }
        return bytes;
    }

    private static void assertSameFiles(Path wanted, Path found) {
        Map<String, byte[]> bytes = bytes(wanted);
        Map<String, byte[]> others = bytes(found);
        assertEquals(bytes.keySet(), others.keySet());
        bytes.forEach((name, each) -> assertArrayEquals(each, others.get(name), name));
    }

    @Test void theLayoutsThatTransformersReadsAlikeAreTheSameModelHere() {
        Golden golden = Golden.open("deepseek4_layout");
        TinyV4.computing(arena -> {
            Parameters published = read(golden.folder().resolve("native"), arena);
            assertSame(published, read(golden.folder().resolve("transformers"), arena));
            assertSame(published, read(golden.folder().resolve("saved"), arena));
            DeepSeekV4Config config = DeepSeekV4Weights.config(golden.folder().resolve("native"));
            DeepSeekV4Weights.save(Disk.real(), folder.resolve("native"), config, published, Form.NATIVE_F32, 1 << 30);
            assertSameFiles(golden.folder().resolve("native"), folder.resolve("native"));
            DeepSeekV4Weights.save(Disk.real(), folder.resolve("transformers"), config, published, Form.TRANSFORMERS_F32, 1 << 30);
            assertSameFiles(golden.folder().resolve("transformers"), folder.resolve("transformers"));
        });
    }

    /// F32 is the model itself; the other forms round once and then stay, numbers and bytes.
    @ParameterizedTest @EnumSource(Form.class)
    void everyFormComesBackToTheBit(Form form) {
        TinyV4.computing(arena -> {
            Parameters model = drawn(arena);
            save(folder.resolve("once"), model, form);
            Parameters once = read(folder.resolve("once"), arena);
            assertEquals(form.layout() == DeepSeekV4Layout.NATIVE, once.names().contains("mtp.0.e_proj.weight"));
            if (form.isFull()) {
                assertSame(model, once);
            }
            save(folder.resolve("twice"), once, form);
            Parameters twice = read(folder.resolve("twice"), arena);
            assertSame(once, twice);
            save(folder.resolve("thrice"), twice, form);
            assertSameFiles(folder.resolve("twice"), folder.resolve("thrice"));
        });
    }

    @Test void quantisedFilesHaveThePublishedTypes() {
        TinyV4.computing(arena -> {
            save(folder, drawn(arena), Form.NATIVE_QUANTISED);
            try (TensorSource source = TensorSource.open(folder)) {
                assertEquals("F8_E4M3 [128, 32]", source.type("layers.6.attn.wq_b.weight").toString());
                assertEquals("F8_E8M0 [1, 1]", source.type("layers.6.attn.wq_b.scale").toString());
                assertEquals("I8 [64, 32]", source.type("layers.6.ffn.experts.7.w2.weight").toString());
                assertEquals("F8_E8M0 [64, 2]", source.type("layers.6.ffn.experts.7.w2.scale").toString());
                assertEquals("I64 [512, 2]", source.type("layers.2.ffn.gate.tid2eid").toString());
                assertEquals("BF16 [8, 64]", source.type("layers.2.ffn.gate.weight").toString());
                assertEquals("F32 [8]", source.type("layers.3.ffn.gate.bias").toString());
                assertEquals("F32 [32, 32]", source.type("layers.3.attn.compressor.ape").toString());
                assertEquals("F8_E4M3 [64, 64]", source.type("mtp.0.h_proj.weight").toString());
                assertFalse(source.names().contains("layers.3.ffn.gate.tid2eid") || source.names().contains("layers.2.ffn.gate.bias"));
            }
        });
    }

    /// Base checkpoints: experts in FP8 like everything else, scales in F32; what a tensor is says its own type.
    @Test void expertsInFp8WithF32ScalesAreReadByTheirType() {
        TinyV4.computing(arena -> {
            save(folder.resolve("f32"), drawn(arena), Form.NATIVE_F32);
            Path base = rewritten("f32", tensors -> {
                Tensor codes = Tensor.zeros(arena, DType.F8_E4M3, Shape.of(64, 64));
                codes.data().fill((byte) 0x45);                  // 3.25
                tensors.put("layers.4.ffn.experts.3.w3.weight", codes);
                tensors.put("layers.4.ffn.experts.3.w3.scale", Tensor.of(arena, Shape.of(1, 1), 0.3f));
            });
            Tensor expert = read(base, arena).named("layers.4.ffn.experts.w3.weight").value();
            assertEquals(3.25f * 0.3f, expert.getFloat(3, 63, 63));
        });
    }

    @Test void fusedExpertsInCodesAreReadToo() {
        TinyV4.computing(arena -> {
            save(folder.resolve("published"), drawn(arena), Form.NATIVE_QUANTISED);
            Parameters wanted = read(folder.resolve("published"), arena);
            save(folder.resolve("theirs"), wanted, Form.TRANSFORMERS_F32);
            try (TensorSource published = TensorSource.open(folder.resolve("published"))) {
                Path fused = rewritten("theirs", tensors -> {
                    Tensor codes = Tensor.zeros(arena, DType.I8, Shape.of(8, 128, 32));
                    Tensor scales = Tensor.zeros(arena, DType.F8_E8M0, Shape.of(8, 128, 2));
                    for (int e = 0; e < 8; e++) {
                        for (int half = 0; half < 2; half++) {
                            String name = "layers.5.ffn.experts.%d.w%d.".formatted(e, 1 + 2 * half);
                            codes.at(e).slice(0, 64L * half, 64L * half + 64).data().copyFrom(published.tensor(name + "weight").data());
                            scales.at(e).slice(0, 64L * half, 64L * half + 64).data().copyFrom(published.tensor(name + "scale").data());
                        }
                    }
                    tensors.put("model.layers.5.mlp.experts.gate_up_proj", codes);
                    tensors.put("model.layers.5.mlp.experts.gate_up_proj_scale_inv", scales);
                });
                assertSame(wanted, read(fused, arena));
            }
        });
    }

    @Test void matricesOfManyBlocksAreWhatQuantisingLeavesOfThem() {
        DeepSeekV4Config config = TinyV4.config(TinyV4.BLOCKS);
        TinyV4.computing(arena -> {
            Parameters model = TinyV4.parameters(config, true, arena, new RandomFiller(RandomKey.ofSeed(12)));
            DeepSeekV4Weights.save(Disk.real(), folder, config, model, Form.NATIVE_QUANTISED, 1 << 30);
            try (TensorSource source = TensorSource.open(folder)) {
                assertEquals("F8_E8M0 [4, 1]", source.type("layers.1.attn.wq_b.scale").toString());
                assertEquals("F8_E8M0 [2, 2]", source.type("mtp.0.attn.wo_b.scale").toString());
            }
            Parameters read = read(folder, arena);
            for (DeepSeekV4Tensor tensor : DeepSeekV4Tensors.of(config)) {
                if (tensor.isQuantisable()) {
                    Quantise op = tensor.kind() == DeepSeekV4Tensor.Kind.MATRIX ? Quantise.fp8Weights() : Quantise.fp4();
                    Tensor wanted = Compute.one(new Dequantise(op.blocks()), Compute.run(op, model.named(tensor.name()).value()));
                    assertEquals(-1, wanted.data().mismatch(read.named(tensor.name()).value().data()), tensor.name());
                }
            }
        });
    }

    @Test void fusedExpertsInFp8AreReadWhereTheirHalvesAreWholeBlocks() {
        DeepSeekV4Config config = TinyV4.config(TinyV4.BLOCKS);
        TinyV4.computing(arena -> {
            DeepSeekV4Weights.save(Disk.real(), folder.resolve("model"), config, TinyV4.parameters(config, false, arena, new RandomFiller(RandomKey.ofSeed(13))), Form.TRANSFORMERS_BF16, 1 << 30);
            Tensor fused = new Inputs(arena, 14).normal(8, 256, 256);
            Tensor[] codes = Compute.run(Quantise.fp8Weights(), fused);
            Tensor wanted = Compute.one(new Dequantise(Blocks.WEIGHTS), codes);
            Path quantised = rewritten("model", tensors -> put(tensors, "model.layers.2.mlp.experts.gate_up_proj", codes));
            Parameters found = read(quantised, arena);
            assertArrayEquals(wanted.at(5).slice(0, 0, 128).toFloats(), found.named("layers.2.ffn.experts.w1.weight").value().at(5).toFloats());
            assertArrayEquals(wanted.at(5).slice(0, 128, 256).toFloats(), found.named("layers.2.ffn.experts.w3.weight").value().at(5).toFloats());
            save(folder.resolve("small"), drawn(arena), Form.TRANSFORMERS_F32);
            Tensor[] small = Compute.run(Quantise.fp8Weights(), new Inputs(arena, 15).normal(8, 128, 64));
            Path unaligned = rewritten("small", tensors -> put(tensors, "model.layers.2.mlp.experts.gate_up_proj", small));
            assertTrue(assertThrows(InputException.class, () -> read(unaligned, arena)).getMessage().contains("wanted moe_intermediate_size (64) to be a multiple of 128"));
        });
    }

    private static void put(Map<String, Tensor> tensors, String name, Tensor[] codesAndScales) {
        tensors.put(name, codesAndScales[0]);
        tensors.put(name + "_scale_inv", codesAndScales[1]);
    }

    @Test void missingForeignAndMisshapenTensorsAreToldTogetherWithTheKeysOfTheConfig() {
        TinyV4.computing(arena -> {
            save(folder.resolve("model"), drawn(arena), Form.NATIVE_QUANTISED);
            Path broken = rewritten("model", tensors -> {
                tensors.remove("layers.1.attn.wkv.weight");
                tensors.put("layers.2.attn.wq_b.weight", Tensor.zeros(arena, DType.F32, Shape.of(64, 32)));
                tensors.put("layers.2.attn.wo_b.scale", Tensor.zeros(arena, DType.F8_E8M0, Shape.of(2, 1)));
                tensors.remove("layers.3.ffn.experts.5.w1.scale");
                tensors.put("layers.3.attn.indexer.wq_b.weight", Tensor.zeros(arena, DType.F32, Shape.of(4)));
                tensors.put("layers.4.attn_norm.weight", Tensor.zeros(arena, DType.F8_E4M3, Shape.of(64)));
                tensors.put("layers.0.ffn.gate.tid2eid", Tensor.zeros(arena, DType.I32, Shape.of(512, 2)));
                tensors.put("mtp.0.main_proj.weight", Tensor.zeros(arena, DType.F32, Shape.of(4)));
            });
            String message = refusal(broken);
            for (String fault : new String[] {"tensor layers.1.attn.wkv.weight is missing, wanted [32, 64] = [head_dim, hidden_size] of config.json",
                "tensor layers.2.attn.wq_b.weight is [64, 32], wanted [128, 32] = [num_attention_heads · head_dim, q_lora_rank] of config.json",
                "tensor layers.2.attn.wo_b.scale is F8_E8M0 [2, 1], wanted F8_E8M0 [1, 1], a scale for each block of 128x128 in [64, 32]",
                "tensor layers.3.ffn.experts.5.w1.scale is missing, wanted [64, 2], the scales of layers.3.ffn.experts.5.w1.weight, which is I8",
                "tensor layers.3.attn.indexer.wq_b.weight is not of this model", "tensor layers.4.attn_norm.weight is F8_E4M3, wanted F32 or BF16: it is never quantised",
                "tensor layers.0.ffn.gate.tid2eid is I32, wanted I64", "tensor mtp.0.main_proj.weight: this layout of prediction blocks is not known"}) {
                assertTrue(message.contains(fault), () -> fault + " in " + message);
            }
        });
    }

    @Test void theFirstTwentyFaultsAreToldAndTheOthersCounted() {
        TinyV4.computing(arena -> {
            save(folder.resolve("model"), drawn(arena), Form.NATIVE_F32);
            TinyV4.write(folder.resolve("model"), TinyV4.TINY.replace("\"n_routed_experts\": 8", "\"n_routed_experts\": 10"));
            String message = refusal(folder.resolve("model"));
            assertEquals(20, message.lines().filter(line -> line.contains("n_routed_experts") || line.contains("is missing")).count(), message);
            assertTrue(message.contains("61 faults") && message.contains("and 41 more"), message);       // in 8 layers the gate and 2 experts of 3 matrices each, in 5 of them the bias
        });
    }

    @Test void aScaleThatIsNoNumberIsNamedWithItsBlock() {
        TinyV4.computing(arena -> {
            save(folder.resolve("model"), drawn(arena), Form.NATIVE_QUANTISED);
            Path broken = rewritten("model", tensors -> tensors.get("layers.3.ffn.experts.5.w1.scale").data().set(JAVA_BYTE, 2 * 41 + 1, (byte) 255));
            String message = assertThrows(InputException.class, () -> read(broken, arena)).getMessage();
            assertTrue(message.contains("tensor layers.3.ffn.experts.5.w1.scale: block [41, 1] has a scale that is no number"), message);
        });
    }

    @Test void aCodeOfFp8ThatIsNoNumberIsNamedWithItsElement() {
        TinyV4.computing(arena -> {
            save(folder.resolve("model"), drawn(arena), Form.NATIVE_QUANTISED);
            String name = "layers.3.attn.wkv.weight";
            for (int code : new int[] {0x7F, 0xFF}) {
                for (long from : new long[] {0, 77, -1}) {       // first, one within eight, last
                    long[] at = new long[2];
                    Path broken = rewritten("model", tensors -> {
                        Tensor codes = tensors.get(name);
                        long i = from < 0 ? codes.shape().size() - 1 : from;
                        at[0] = i / codes.shape().last();
                        at[1] = i % codes.shape().last();
                        codes.data().set(JAVA_BYTE, i, (byte) code);
                    });
                    String message = assertThrows(InputException.class, () -> read(broken, arena)).getMessage();
                    assertTrue(message.contains("tensor %s: element [%d, %d] is the code 0x%02X, which is no number".formatted(name, at[0], at[1], code)), message);
                }
            }
        });
    }

    @Test void theLargestCodesOfFp8AreRead() {
        TinyV4.computing(arena -> {
            save(folder.resolve("model"), drawn(arena), Form.NATIVE_QUANTISED);
            read(rewritten("model", tensors -> {
                Tensor codes = tensors.get("layers.3.attn.wkv.weight");
                for (long i = 0; i < codes.shape().size(); i++) {
                    codes.data().set(JAVA_BYTE, i, (byte) (i % 2 == 0 ? 0x7E : 0xFE));
                }
            }), arena);
        });
    }

    /// The seventh row of `w3` is the seventh behind those of `w1` in the one matrix of transformers.
    @Test void anElementThatIsNotFiniteIsNamedWithItsFile() {
        TinyV4.computing(arena -> {
            Map<Form, String> elements = Map.of(Form.NATIVE_F32, "layers.3.ffn.experts.5.w3.weight: element [7, 9]", Form.TRANSFORMERS_BF16, "model.layers.3.mlp.experts.gate_up_proj: element [5, 71, 9]");
            elements.forEach((form, element) -> {
                Parameters model = drawn(arena);
                model.named("layers.3.ffn.experts.w3.weight").value().setFloat(Float.NaN, 5, 7, 9);
                save(folder.resolve(form.name()), model, form);
                String message = assertThrows(InputException.class, () -> read(folder.resolve(form.name()), arena)).getMessage();
                assertTrue(message.contains(element + " is NaN, wanted finite weights") && message.contains(".safetensors: tensor "), message);
            });
        });
    }

    /// Codes and scales are numbers each, but what they stand for is beyond F32.
    @Test void anElementOfFp8BeyondF32IsNamed() {
        TinyV4.computing(arena -> {
            save(folder.resolve("model"), drawn(arena), Form.NATIVE_QUANTISED);
            Path broken = rewritten("model", tensors -> {
                tensors.get("layers.3.attn.wkv.weight").data().fill((byte) 0).set(JAVA_BYTE, 77, (byte) 0xFE);
                tensors.get("layers.3.attn.wkv.scale").data().fill((byte) 254);
            });
            String message = assertThrows(InputException.class, () -> read(broken, arena)).getMessage();
            assertTrue(message.contains("model.safetensors: tensor layers.3.attn.wkv.weight: element [1, 13] is -Infinity"), message);
        });
    }

    @Test void aModelWithAnInfinityIsNotWrittenInCodes() {
        TinyV4.computing(arena -> {
            Parameters model = drawn(arena);
            model.named("layers.3.attn.wkv.weight").value().setFloat(Float.POSITIVE_INFINITY, 1, 1);
            String message = assertThrows(InputException.class, () -> save(folder, model, Form.NATIVE_QUANTISED)).getMessage();
            assertTrue(message.contains("tensor layers.3.attn.wkv.scale: block [0, 0]"), message);
        });
    }

    @Test void tablesWithIdsOutOfRangeOrRepeatedAreRefusedByToken() {
        TinyV4.computing(arena -> {
            save(folder.resolve("model"), drawn(arena), Form.NATIVE_F32);
            Path broken = rewritten("model", tensors -> {
                Tensor table = tensors.get("layers.1.ffn.gate.tid2eid");
                table.data().setAtIndex(ValueLayout.JAVA_LONG, 14, 8);
                table.data().setAtIndex(ValueLayout.JAVA_LONG, 21, table.data().getAtIndex(ValueLayout.JAVA_LONG, 20));
                for (int row = 100; row < 150; row++) {
                    table.data().setAtIndex(ValueLayout.JAVA_LONG, 2 * row, -1);
                }
            });
            String message = assertThrows(InputException.class, () -> read(broken, arena)).getMessage();
            assertTrue(message.contains("tensor layers.1.ffn.gate.tid2eid") && message.contains("token 7 has the experts [8, ") && message.contains("token 10 has the experts"), message);
            assertTrue(message.contains("wanted 2 different ones from 0 to below n_routed_experts (8)") && message.contains("and 32 more"), message);
        });
    }

    @Test void drawnTablesAreBalancedAndAFunctionOfTheSeed() {
        TinyV4.computing(arena -> {
            Tensor table = drawn(arena).tables().get("layers.2.ffn.gate.tid2eid");
            int[] counts = new int[8];
            for (int row = 0; row < 512; row++) {
                counts[table.getInt(row, 0)]++;
                counts[table.getInt(row, 1)]++;
                assertTrue(table.getInt(row, 0) != table.getInt(row, 1));
            }
            assertArrayEquals(new int[] {128, 128, 128, 128, 128, 128, 128, 128}, counts);
            assertEquals(-1, table.data().mismatch(drawn(arena).tables().get("layers.2.ffn.gate.tid2eid").data()));
        });
    }

    @Test void aPredictionBlockMayBeAbsent() {
        TinyV4.computing(arena -> {
            save(folder, TinyV4.parameters(CONFIG, false, arena, new RandomFiller(RandomKey.ofSeed(1))), Form.NATIVE_BF16);
            try (DeepSeekV4Checkpoint checkpoint = DeepSeekV4Weights.open(folder)) {
                assertFalse(checkpoint.hasPrediction());
            }
        });
    }

    @Test void anOddNumberOfColumnsCannotBeWrittenInFp4() {
        TinyV4.computing(arena -> {
            DeepSeekV4Config odd = TinyV4.config(TinyV4.TINY.replace("\"moe_intermediate_size\": 64", "\"moe_intermediate_size\": 63"));
            Parameters model = TinyV4.parameters(odd, true, arena, new RandomFiller(RandomKey.ofSeed(2)));
            String message = assertThrows(InputException.class, () -> DeepSeekV4Weights.save(Disk.real(), folder, odd, model, Form.NATIVE_QUANTISED, 300_000)).getMessage();
            assertTrue(message.contains("tensor layers.0.ffn.experts.0.w2.weight is [64, 63]") && message.contains("wanted an even moe_intermediate_size"), message);
        });
    }

    @Test void mixedLayoutsAreNamed() {
        TinyV4.computing(arena -> {
            save(folder.resolve("model"), drawn(arena), Form.TRANSFORMERS_F32);
            assertTrue(refusal(rewritten("model", tensors -> tensors.remove("lm_head.weight"))).contains("without lm_head.weight (the state of transformers' model) or head.weight (its save_pretrained)"));
            assertTrue(refusal(rewritten("model", tensors -> tensors.remove("model.embed_tokens.weight"))).contains("neither embed.weight (the published layout) nor model.embed_tokens.weight"));
        });
    }

    private static String refusal(Path folder) {
        return assertThrows(InputException.class, () -> DeepSeekV4Weights.open(folder).close()).getMessage();
    }

    /// A copy of a model's folder in one file, its tensors changed by `change`.
    private Path rewritten(String model, Consumer<Map<String, Tensor>> change) {
        Path copy = folder.resolve(model + "-" + System.nanoTime());
        try (TensorSource source = TensorSource.open(folder.resolve(model)); Arena arena = Arena.ofShared()) {
            Map<String, Tensor> tensors = source.names().stream().collect(Collectors.toMap(name -> name, name -> {
                Tensor found = source.tensor(name);
                return Tensor.of(found.type(), arena.allocate(Math.max(1, found.type().bytes()), 64).asSlice(0, found.type().bytes()).copyFrom(found.data()));
            }, (one, _) -> one, LinkedHashMap::new));
            change.accept(tensors);
            Files.createDirectories(copy);
            Files.copy(folder.resolve(model).resolve("config.json"), copy.resolve("config.json"));
            Safetensors.write(Disk.real(), copy.resolve("model.safetensors"), tensors, Map.of());
            return copy;
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }
}
