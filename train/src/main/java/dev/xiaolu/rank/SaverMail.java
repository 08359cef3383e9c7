package dev.xiaolu.rank;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.comm.Message;
import dev.xiaolu.recover.Event;
import tools.jackson.databind.json.JsonMapper;

/// What savers say to each other, over the endpoint of their rank. Thread-safe.
///
/// @param endpoint    of this rank
/// @param liaison     to who hears what came of a checkpoint
/// @param inbox       of this rank: what the writer has for its own rank is done on the rank's thread too
record SaverMail(Endpoint endpoint, Liaison liaison, Inbox inbox) implements Saver.Mail {
    /// What a message of kind [Wire#WANT] says.
    static Saver.Wanted wanted(long from, Message message) {
        return new Saver.Wanted(from, Wire.number(message, 0), Wire.number(message, 1), Wire.number(message, 2));
    }

    /// What a message of kind [Wire#WRITTEN] says.
    static Saver.Part part(Message message) {
        return JsonMapper.shared().readValue(Wire.text(message), Saver.Part.class);
    }

    @Override public void want(long id, Saver.Wanted wanted) {
        endpoint.send(id, Wire.numbers(Wire.WANT, wanted.attempt(), wanted.generation(), wanted.step()));
    }

    @Override public void written(long id, Saver.Part part) {
        Message message = Wire.text(Wire.WRITTEN, JsonMapper.shared().writeValueAsString(part));
        if (id == endpoint.self()) {
            inbox.received(id, message);
        } else {
            endpoint.send(id, message);
        }
    }

    @Override public void writing(long id) {
        endpoint.send(id, Wire.numbers(Wire.WRITING));
    }

    @Override public void tell(Event event) {
        liaison.tell(event);
    }
}
