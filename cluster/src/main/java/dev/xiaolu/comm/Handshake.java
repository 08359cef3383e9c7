package dev.xiaolu.comm;

import static dev.xiaolu.comm.TransportException.Reason.FORGOTTEN;
import static dev.xiaolu.comm.TransportException.Reason.OTHER_PROCESS;
import static dev.xiaolu.comm.TransportException.Reason.STRANGER;
import static dev.xiaolu.comm.TransportException.Reason.WRONG_KEY;
import static dev.xiaolu.comm.TransportException.Reason.WRONG_VERSION;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Optional;
import javax.crypto.Mac;

/// How two processes find out whether they belong to the same run, in four records of fixed size; nothing that is read decides how much is allocated.
///
/// ```
/// dialer   → listener  hello    magic 8, version 4, zero 4, own id 8, wanted id 8, nonce 32
/// listener → dialer    answer   magic 8, version 4, zero 4, own id 8, dialer's id 8, nonce 32, HMAC(hello, this) 32
/// dialer   → listener  proof    HMAC(hello, answer) 32
/// listener → dialer    verdict  code 8, HMAC(hello, answer, code) 32
/// ```
/// Each HMAC begins with the name of its record, so that none can be handed back as another. Both nonces are in every key that follows.
final class Handshake {
    static final int VERSION = 1;

    /// What the listener says to a dialer that has proved the key.
    enum Verdict { WELCOME, BUSY, FORGOTTEN }

    /// The side that listened decides about a dialer that has proved the key.
    interface Door {
        Verdict decide(long peer);

        /// The peer was told that it is welcome.
        void open(Connection connection);
    }

    private static final byte[] MAGIC = "\u0089XIAOLU\n".getBytes(StandardCharsets.ISO_8859_1);
    private static final int HELLO_BYTES = 64, MAC_BYTES = 32, CODE_BYTES = 8, NONCE_BYTES = 32;
    private static final SecureRandom RANDOM = new SecureRandom();

    private final Wire wire;
    private final RunKey key;

    Handshake(Wire wire, RunKey key) {
        this.wire = wire;
        this.key = key;
    }

    /// The dialer's side. Calls `heard` once the other side has answered. Empty where the listener waits for its own call to come through.
    Optional<Connection> dial(long self, long peer, Runnable heard) throws IOException {
        byte[] hello = record(self, peer);
        write(hello);
        byte[] answer = readRecord();
        checkVersion(answer);
        ByteBuffer answered = ByteBuffer.wrap(answer).order(ByteOrder.LITTLE_ENDIAN);
        byte[] itsMac = read(MAC_BYTES);
        heard.run();
        write(mac("proof", hello, answer));                              // also to a wrong key: the other side shall see it too
        if (!MessageDigest.isEqual(itsMac, mac("answer", hello, answer))) {
            throw new TransportException(WRONG_KEY, "%s: holds another run key than this process; start all processes of a run with the same key file".formatted(wire.remote()));
        }
        long found = answered.getLong(16);
        if (found != peer) {
            throw new TransportException(OTHER_PROCESS, "%s: is process %d of this run, wanted process %d, which has ended or moved".formatted(wire.remote(), found, peer));
        }
        byte[] code = read(CODE_BYTES);
        if (!MessageDigest.isEqual(read(MAC_BYTES), mac("verdict", hello, answer, code))) {
            throw new TransportException(WRONG_KEY, "%s: the verdict of process %d does not carry the run key".formatted(wire.remote(), peer));
        }
        return switch (Verdict.values()[code[0]]) {
            case WELCOME -> Optional.of(new Connection(wire, key.derive(text("from dialer"), hello, answer), key.derive(text("from listener"), hello, answer)));
            case BUSY -> Optional.empty();
            case FORGOTTEN -> throw new TransportException(FORGOTTEN, "%s: process %d has dropped process %d for good".formatted(wire.remote(), peer, self));
        };
    }

    /// The listener's side.
    void listen(long self, Door door) throws IOException {
        byte[] hello = readRecord();
        long peer = ByteBuffer.wrap(hello).order(ByteOrder.LITTLE_ENDIAN).getLong(16);
        byte[] answer = record(self, peer);
        write(answer);                                                   // also to another version: the other side shall see it too
        checkVersion(hello);
        write(mac("answer", hello, answer));
        if (!MessageDigest.isEqual(read(MAC_BYTES), mac("proof", hello, answer))) {
            throw new TransportException(WRONG_KEY, "%s: says to be process %d but holds another run key; start all processes of a run with the same key file".formatted(wire.remote(), peer));
        }
        if (ByteBuffer.wrap(hello).order(ByteOrder.LITTLE_ENDIAN).getLong(24) != self) {
            wire.close();                                                // it wanted another process; our answer has told it so
            return;
        }
        Verdict verdict = door.decide(peer);
        byte[] code = new byte[CODE_BYTES];
        code[0] = (byte) verdict.ordinal();
        write(code);
        write(mac("verdict", hello, answer, code));
        if (verdict == Verdict.WELCOME) {
            door.open(new Connection(wire, key.derive(text("from listener"), hello, answer), key.derive(text("from dialer"), hello, answer)));
        } else {
            wire.close();
        }
    }

    private static byte[] record(long from, long to) {
        ByteBuffer record = ByteBuffer.allocate(HELLO_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        byte[] nonce = new byte[NONCE_BYTES];
        RANDOM.nextBytes(nonce);
        return record.put(MAGIC).putInt(VERSION).putInt(0).putLong(from).putLong(to).put(nonce).array();
    }

    /// A hello or the first part of an answer; refuses at the first bytes what does not begin like one.
    private byte[] readRecord() throws IOException {
        ByteBuffer record = ByteBuffer.allocate(HELLO_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        record.limit(MAGIC.length);
        while (record.hasRemaining()) {
            int end = wire.read(record);
            if (!Arrays.equals(record.array(), 0, record.position(), MAGIC, 0, record.position())) {
                throw new TransportException(STRANGER, "%s: wanted a process of this run, found %s".formatted(wire.remote(), Stranger.describe(Arrays.copyOf(record.array(), record.position()))));
            }
            if (end < 0) {
                throw new IOException("%s: closed the connection after %d bytes of the handshake".formatted(wire.remote(), record.position()));
            }
        }
        wire.readFully(record.limit(HELLO_BYTES));
        return record.array();
    }

    private void checkVersion(byte[] record) throws TransportException {
        int version = ByteBuffer.wrap(record).order(ByteOrder.LITTLE_ENDIAN).getInt(8);
        if (version != VERSION) {
            throw new TransportException(WRONG_VERSION, "%s: speaks version %d of the protocol, wanted %d; run the same build everywhere".formatted(wire.remote(), version, VERSION));
        }
    }

    private byte[] read(int bytes) throws IOException {
        byte[] read = new byte[bytes];
        wire.readFully(ByteBuffer.wrap(read));
        return read;
    }

    private void write(byte[] bytes) throws IOException {
        wire.write(ByteBuffer.wrap(bytes));
    }

    private byte[] mac(String name, byte[]... parts) {
        Mac mac = key.mac();
        mac.update(text(name));
        for (byte[] part : parts) {
            mac.update(part);
        }
        return mac.doFinal();
    }

    private static byte[] text(String name) {
        return (name + "\n").getBytes(StandardCharsets.US_ASCII);
    }
}
