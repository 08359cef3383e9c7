package dev.xiaolu.cli;

import dev.xiaolu.nn.Drafter;
import dev.xiaolu.nn.Sampler;
import picocli.CommandLine.Option;

/// Options that say how tokens are chosen.
final class Sampling {
    @Option(names = "--max-tokens", paramLabel = "N", defaultValue = "256", description = "Tokens to write at most; 256 unless given.")
    private int maxTokens;

    @Option(names = "--temperature", paramLabel = "T", defaultValue = "0.7", description = "0 always takes the likeliest token; 0.7 unless given.")
    private double temperature;

    @Option(names = "--top-p", paramLabel = "P", defaultValue = "0.95", description = "Keeps the likeliest tokens that make up this probability; 0.95 unless given.")
    private double topP;

    @Option(names = "--seed", paramLabel = "S", defaultValue = "1", description = "Seed: the same one gives the same text; 1 unless given.")
    private long seed;

    @Option(names = "--speculate", paramLabel = "N", defaultValue = "0", description = "Tokens that the model's prediction block guesses ahead, 0 to 8; the text is the same with any number. 0 unless given.")
    private int drafts;

    int maxTokens() {
        if (maxTokens < 1) {
            throw WrongUsage.of("--max-tokens is %d, wanted at least 1", maxTokens);
        }
        return maxTokens;
    }

    int drafts() {
        if (drafts < 0 || drafts > Drafter.MOST) {
            throw WrongUsage.of("--speculate is %d, wanted 0 to %d", drafts, Drafter.MOST);
        }
        return drafts;
    }

    Sampler sampler() {
        if (!(temperature >= 0 && temperature <= 100)) {
            throw WrongUsage.of("--temperature is %s, wanted 0 to 100", temperature);
        }
        if (!(topP > 0 && topP <= 1)) {
            throw WrongUsage.of("--top-p is %s, wanted more than 0 and at most 1", topP);
        }
        return new Sampler(temperature, topP, seed);
    }
}
