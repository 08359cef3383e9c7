package dev.xiaolu.rank;

import dev.xiaolu.platform.Faults;
import dev.xiaolu.store.Sha256;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/// What a worker is told by its environment, whoever starts it: this program, Slurm, Kubernetes.
///
/// @param run        folder of the run
/// @param runId      names this launch of the run
/// @param rank       which worker this is, from 0; a hint for names and logs
/// @param worldSize  how many workers the launch wants
/// @param rendezvous host and port at which the coordinator listens, `host:port`
/// @param generation how often this worker has been started before
/// @param keyFile    the run key
/// @param host       address at which other workers reach this one
public record Contract(Path run, String runId, int rank, int worldSize, String rendezvous, long generation, Path keyFile, String host) {
    private static final String PREFIX = "XIAOLU_";

    /// Reads the variables; tells all that are missing or wrong at once.
    public static Contract of(Map<String, String> environment) {
        var faults = new Faults("worker");
        String run = text(environment, faults, "RUN", "the folder of the run");
        String id = text(environment, faults, "RUN_ID", "the name of the launch");
        String rendezvous = text(environment, faults, "RENDEZVOUS", "host:port of the coordinator");
        String key = text(environment, faults, "KEY_FILE", "the file of the run key");
        long rank = number(environment, faults, "RANK", "0"), world = number(environment, faults, "WORLD_SIZE", "1"), generation = number(environment, faults, "GENERATION", "0");
        faults.that(rendezvous.isEmpty() || rendezvous.matches("[^:]+:\\d{1,5}|\\[[0-9a-fA-F:.]+]:\\d{1,5}"), PREFIX + "RENDEZVOUS is '%s', wanted host:port", rendezvous)
                .that(world > 0, PREFIX + "WORLD_SIZE is %d, wanted a positive number", world)
                .that(id.matches("[A-Za-z0-9-]{0,40}"), PREFIX + "RUN_ID is '%s', wanted letters, digits and '-'", id)
                .throwIfAny();
        return new Contract(Path.of(run), id, (int) rank, (int) world, rendezvous, generation, Path.of(key), environment.getOrDefault(PREFIX + "HOST", "127.0.0.1"));
    }

    private static String text(Map<String, String> environment, Faults faults, String name, String what) {
        String value = environment.getOrDefault(PREFIX + name, "");
        faults.that(!value.isEmpty(), PREFIX + name + " is not set, wanted %s; workers are started by './xiaolu train launch.workers=2', or as docs/many-machines.md shows", what);
        return value;
    }

    private static long number(Map<String, String> environment, Faults faults, String name, String standard) {
        String value = environment.getOrDefault(PREFIX + name, standard);
        boolean whole = value.matches("\\d{1,9}");
        faults.that(whole, PREFIX + name + " is '%s', wanted a whole number", value);
        return whole ? Long.parseLong(value) : 0;
    }

    /// The variables that say this.
    public Map<String, String> environment() {
        var all = new LinkedHashMap<String, String>();
        all.put(PREFIX + "RUN", run.toString());
        all.put(PREFIX + "RUN_ID", runId);
        all.put(PREFIX + "RANK", Integer.toString(rank));
        all.put(PREFIX + "WORLD_SIZE", Integer.toString(worldSize));
        all.put(PREFIX + "RENDEZVOUS", rendezvous);
        all.put(PREFIX + "GENERATION", Long.toString(generation));
        all.put(PREFIX + "KEY_FILE", keyFile.toString());
        all.put(PREFIX + "HOST", host);
        return all;
    }

    /// The id under which the coordinator of a launch is known to the transport.
    static long coordinator(String runId) {
        return Long.parseUnsignedLong(Sha256.hex(("coordinator " + runId).getBytes(StandardCharsets.UTF_8)).substring(0, 15), 16);
    }

    /// The host of `host:port`; an address of IPv6 stands in brackets.
    static String host(String rendezvous) {
        return rendezvous.substring(0, rendezvous.lastIndexOf(':')).replaceAll("^\\[|]$", "");
    }

    static int port(String rendezvous) {
        return Integer.parseInt(rendezvous.substring(rendezvous.lastIndexOf(':') + 1));
    }
}
