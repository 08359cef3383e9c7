package dev.xiaolu.train;

import dev.xiaolu.platform.Faults;
import java.util.Locale;

/// Over how many processes a run goes, and how it deals with their loss; changes no bit.
public record LaunchSettings(
        @Setting(value = "worker processes on this machine; 1: all in one process", standard = "1", free = true) int workers,
        @Setting(value = "with fewer workers the run waits", standard = "1", free = true) int fewest,
        @Setting(value = "workers that hold each part of the optimizer's state", standard = "2", free = true) int copies,
        @Setting(value = "replicas of the coordinator: 1; 3 outlive the loss of any one", standard = "1", free = true) int coordinators,
        @Setting(value = "parts of each layer's experts, one at a worker; 1: all at each", standard = "1", free = true) int expertRanks,
        @Setting(value = "part of the leaves that two workers compute, to compare", standard = "0.01", free = true) double doubleCheck,
        @Setting(value = "milliseconds of silence after which a worker is given up", standard = "1500", free = true) int silenceMillis,
        @Setting(value = "seconds without progress after which a worker is given up", standard = "120", free = true) int progressSeconds,
        @Setting(value = "auto: shared memory on one host, or tcp", standard = "auto", free = true) Transport transport,
        @Setting(value = "host:port for workers that others start; empty: start them", standard = "", free = true) String rendezvous,
        @Setting(value = "name of the launch, where others start workers", standard = "", free = true) String id,
        @Setting(value = "file of the run key, where others start workers", standard = "", free = true) String keyFile,
        @Setting(value = "port of the page that shows the run; 0: any free, -1: no page", standard = "0", free = true) int pagePort) {
    /// How workers read each other's memory.
    public enum Transport { AUTO, TCP }

    /// Whether the run goes over several processes.
    public boolean isOverWorkers() {
        return workers > 1;
    }

    /// Whether others start the workers, here or on other machines.
    public boolean isElsewhere() {
        return !rendezvous.isEmpty();
    }

    /// Notes everything that is impossible; each fault begins with its key.
    void check(Faults faults, DeepSeekV4Settings deepseek4, RunConfig.Model model) {
        faults.that(workers >= 1 && workers <= 256, "launch.workers is %d, wanted 1 to 256", workers)
                .that(fewest >= 1 && fewest <= Math.max(1, workers), "launch.fewest is %d, wanted 1 to launch.workers (%d)", fewest, workers)
                .that(coordinators >= 1 && coordinators <= 9 && coordinators % 2 == 1, "launch.coordinators is %d, wanted 1, 3, 5, 7 or 9: an even number outlives no more losses than the odd one below it", coordinators)
                .that(coordinators == 1 || coordinators <= workers, "launch.coordinators is %d, wanted at most launch.workers (%d): all but one of them live in workers", coordinators, workers)
                .that(copies >= 1, "launch.copies is %d, wanted a positive number", copies)
                .that(expertRanks >= 1, "launch.expert_ranks is %d, wanted a positive number", expertRanks)
                .that(expertRanks <= 1 || model.family() == RunConfig.Family.DEEPSEEK4, "launch.expert_ranks is %d, wanted 1 where model.family is %s: a dense model has no experts", expertRanks,
                        model.family().name().toLowerCase(Locale.ROOT))
                .that(expertRanks <= 1 || model.family() != RunConfig.Family.DEEPSEEK4 || expertRanks <= deepseek4.numRoutedExperts(),
                        "launch.expert_ranks is %d, wanted at most deepseek4.num_routed_experts (%d)", expertRanks, deepseek4.numRoutedExperts())
                .that(expertRanks <= 1 || expertRanks <= fewest, "launch.expert_ranks is %d, wanted at most launch.fewest (%d): with fewer workers than that, some would need room for more than one part of the experts",
                        expertRanks, fewest)
                .that(doubleCheck >= 0 && doubleCheck <= 1, "launch.double_check is %s, wanted 0 to 1", doubleCheck)
                .that(silenceMillis >= 500, "launch.silence_millis is %d, wanted at least 500: signs of life come every 200", silenceMillis)
                .positive("launch.progress_seconds", progressSeconds)
                .that(rendezvous.isEmpty() || rendezvous.matches("([^:]+|\\[[0-9a-fA-F:.]+]):\\d{1,5}"), "launch.rendezvous is '%s', wanted host:port, or nothing", rendezvous)
                .that(rendezvous.isEmpty() || id.matches("[A-Za-z0-9][A-Za-z0-9-]{0,39}"), "launch.id is '%s', wanted letters, digits and '-' where launch.rendezvous is given: workers are told the same", id)
                .that(rendezvous.isEmpty() || !keyFile.isEmpty(), "launch.key_file is empty, wanted a file where launch.rendezvous is given: workers read the same; make one with 'openssl rand -hex 32'")
                .that(pagePort >= -1 && pagePort <= 65_535, "launch.page_port is %d, wanted a port, 0 for any that is free, or -1 for no page", pagePort)
                .that(workers < 2 || model.family() != RunConfig.Family.DEEPSEEK4 || deepseek4.routingLag() == 0,
                        "launch.workers is %d, wanted 1 where deepseek4.routing_lag is not 0: routes that are made ahead are not passed between workers yet", workers);
    }
}
