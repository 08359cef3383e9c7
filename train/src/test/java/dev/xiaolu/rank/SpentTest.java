package dev.xiaolu.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class SpentTest {
    @Test void whatAWarmProcessSpendsIsToldByStepAndPart() throws InterruptedException {
        var spent = new Spent();
        Thread.sleep(30);
        spent.on(Spent.Part.LEAVES);
        for (int step = 0; step < 10; step++) {
            assertEquals("", spent.words());
            spent.step();
        }
        for (int step = 0; step < 2; step++) {
            Thread.sleep(20);
            spent.on(Spent.Part.MEANS);
            spent.step();
        }
        String words = spent.words();
        assertTrue(words.matches("milliseconds of a step, mean of 2: means \\d+[.]\\d"), words);
        assertTrue(Double.parseDouble(words.substring(words.lastIndexOf(' ') + 1)) >= 20, words);
    }
}
