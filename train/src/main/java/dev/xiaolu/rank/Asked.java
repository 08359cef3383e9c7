package dev.xiaolu.rank;

import static dev.xiaolu.platform.Check.check;

import java.util.Map;

/// A [Question] on its way: to whom it went, and the row of the pass with which its rows begin.
record Asked(Question question, long to, long firstRow) {
    int rows() {
        return question.run().rows();
    }

    /// Takes from `waiting`, by number, what is answered; null where nobody waits for it any more. Refuses an answer of one who was not asked.
    static Asked answered(Map<Long, Asked> waiting, long from, Answer answer) {
        Asked asked = waiting.get(answer.number());
        if (asked != null) {
            check(asked.to == from, "rank %016x answers question %d, which rank %016x was asked", from, answer.number(), asked.to);
            waiting.remove(answer.number());
        }
        return asked;
    }
}
