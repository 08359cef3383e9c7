package dev.xiaolu.rank;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.comm.Message;
import dev.xiaolu.comm.Regions;
import dev.xiaolu.nn.ExpertExchange;
import dev.xiaolu.nn.ExpertLayer;
import dev.xiaolu.nn.RoutedExperts;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/// The way of rows of tokens to the ranks that have their experts, and back, where experts are spread.
///
/// One thread computes and serves: whoever waits for others works for others meanwhile, so ranks that wait for each other in a ring all go on. What is asked in a generation or for a step that has not begun here waits;
/// what is asked in one that is over is left aside, since a step that loses a rank begins anew. Runs on the current [Compute]; all but [#received] is for one thread.
final class Exchange implements ExpertExchange, AutoCloseable {
    private static final long LOOK_MILLIS = 20;

    private final Endpoint endpoint;
    private final Regions regions;
    private final Replica replica;
    private final HeldExperts held;
    private final LinkedBlockingQueue<Came> came;
    private final BooleanSupplier isVoid;
    private final Runnable progress;
    private final List<Came> early = new ArrayList<>();
    private final Map<String, Integer> layers = new HashMap<>();
    private Placement placement;                                 // of the settled generation
    private long generation;                                     // of the newest layout
    private boolean settled;
    private long step;                                           // the step that has begun
    private long flags;                                          // of the leaf that is computed
    private Map<String, long[]> digests;                         // of the gradients of that leaf, by stack
    private long questions;

    /// A message that is for an exchange.
    record Came(long from, Message message) {}

    /// @param came     messages of the kinds [Wire#ROWS] and [Wire#ROWS_BACK], as they come
    /// @param isVoid   whether a newer generation has begun, or nobody is left to say so
    /// @param progress hears of everything that was done or has come back; not of waiting, so that one who never answers is found
    Exchange(Endpoint endpoint, Regions regions, Replica replica, LinkedBlockingQueue<Came> came, BooleanSupplier isVoid, Runnable progress) {
        this.endpoint = endpoint;
        this.regions = regions;
        this.replica = replica;
        this.came = came;
        this.isVoid = isVoid;
        this.progress = progress;
        held = new HeldExperts(replica);
        List<ExpertLayer> all = replica.shards().layers();
        for (int i = 0; i < all.size(); i++) {
            layers.put(all.get(i).layer(), i);
        }
    }

    /// A generation begins; nothing is served in it until it has settled.
    void begins(long newest) {
        generation = newest;
        settled = false;
    }

    /// The generation has settled.
    void settles(Placement now) {
        placement = now;
        settled = true;
        serve();
    }

    /// The sums of a step are there to be added to.
    void at(long begun) {
        step = begun;
        serve();
    }

    /// Runs `pass` with experts where they are; their gradients are added to the sums there.
    <T> T leaves(ScopedValue.CallableOp<T, RuntimeException> pass) {
        return with(0, null, pass);
    }

    /// The same for a leaf of which `found` is to be filled with digests of the gradients of experts; a `check` goes to others than usual, and adds nothing to any sum.
    <T> T leafApart(boolean check, Map<String, long[]> found, ScopedValue.CallableOp<T, RuntimeException> pass) {
        return with(check ? Question.APART | Question.CHECK : Question.APART, found, pass);
    }

    private <T> T with(long how, Map<String, long[]> found, ScopedValue.CallableOp<T, RuntimeException> pass) {
        flags = how;
        digests = found;
        return RoutedExperts.exchanging(this, pass);
    }

    @Override public Tensor forward(ExpertLayer layer, Tensor x, RoutedExperts.Plan plan) {
        int number = layers.get(layer.layer());
        Tensor y = Compute.current().scratch().allocate(x.type());
        pass(number, layer, flags, x, null, plan, y);
        Compute.current().recorder().ifPresent(recorder -> recorder.made(x, y, dy -> {
            Tensor dx = Compute.current().scratch().allocate(x.type());
            pass(number, layer, flags | Question.BACKWARD, x, dy, plan, dx);
            return dx;
        }));
        return y;
    }

    private void pass(int number, ExpertLayer layer, long how, Tensor x, Tensor dy, RoutedExperts.Plan plan, Tensor back) {
        var own = new ArrayList<Asked>();
        var waiting = new HashMap<Long, Asked>();
        Shards shards = replica.shards();
        for (int part = 0; part < shards.parts(); part++) {
            int from = shards.firstExpert(layer.stacks().getFirst(), part), to = shards.firstExpert(layer.stacks().getFirst(), part + 1);
            int[] offsets = new int[to - from + 1];
            for (int i = 0; i < offsets.length; i++) {
                offsets[i] = plan.offsets().getInt(from + i) - plan.offsets().getInt(from);
            }
            if (offsets[to - from] == 0) {
                continue;                                        // nobody chose them: no row, and a gradient of zeros
            }
            var question = new Question(++questions, generation, how, new HeldExperts.Run(step, number, part, offsets));
            long target = question.counts() ? placement.server(endpoint.self(), part) : placement.checker(endpoint.self(), part, shards.of(number, part).getFirst().name());
            var asked = new Asked(question, target, plan.offsets().getInt(from));
            if (target == endpoint.self()) {
                own.add(asked);
            } else {
                waiting.put(question.number(), asked);
                ask(asked, x, dy);
            }
        }
        for (Asked asked : own) {
            Question question = asked.question();
            Tensor rows = rows(x, asked);
            if (dy == null) {
                take(asked, held.forward(question.run(), rows).data(), new long[0], back);
            } else {
                HeldExperts.Backward result = held.backward(question.run(), rows, rows(dy, asked), question.apart(), question.counts());
                take(asked, result.ofRows().data(), result.digests(), back);
            }
        }
        while (!waiting.isEmpty()) {
            Came next = next();
            if (next == null) {
                continue;
            }
            if (next.message.kind() == Wire.ROWS) {
                serve(next);
                continue;
            }
            Answer answer = Answer.of(next.from, next.message);
            Asked asked = Asked.answered(waiting, next.from, answer);
            if (asked != null) {
                take(asked, next.message.body(), answer.digests(), back);
            }
        }
    }

    private static Tensor rows(Tensor all, Asked asked) {
        return all.slice(0, asked.firstRow(), asked.firstRow() + asked.rows());
    }

    /// Puts what has come back in its place.
    private void take(Asked asked, MemorySegment rows, long[] found, Tensor back) {
        progress.run();
        HeldExperts.Run run = asked.question().run();
        Tensor place = rows(back, asked);
        check(rows.byteSize() == place.type().bytes(), "rank %016x gave back %d bytes for %d rows of layer %d, wanted %d", asked.to(), rows.byteSize(), asked.rows(), run.layer(), place.type().bytes());
        MemorySegment.copy(rows, 0, place.data(), 0, rows.byteSize());
        List<Shards.Shard> shards = replica.shards().of(run.layer(), run.part());
        int wanted = asked.question().back() && asked.question().apart() ? 2 * shards.size() : 0;
        check(found.length == wanted, "rank %016x gave back %d words of digests of layer %d, wanted %d", asked.to(), found.length, run.layer(), wanted);
        for (int stack = 0; stack < found.length / 2; stack++) {
            long[] sum = digests.computeIfAbsent(shards.get(stack).whole().name(), _ -> new long[2]);
            sum[0] += found[2 * stack];
            sum[1] += found[2 * stack + 1];
        }
    }

    /// Sends rows to whoever has their experts; with `dy`, rows and their gradients.
    private void ask(Asked asked, Tensor x, Tensor dy) {
        long bytes = (long) Float.BYTES * asked.rows() * x.shape().last(), at = Float.BYTES * asked.firstRow() * x.shape().last();
        MemorySegment body = x.data().asSlice(at, bytes);
        if (dy != null) {
            Tensor both = Compute.current().scratch().allocate(TensorType.f32(Shape.of(2L * asked.rows(), x.shape().last())));
            MemorySegment.copy(x.data(), at, both.data(), 0, bytes);
            MemorySegment.copy(dy.data(), at, both.data(), bytes, bytes);
            body = both.data();
        }
        endpoint.send(asked.to(), new Message(Wire.ROWS, asked.question().head(), body));
    }

    /// The next message, or null where none comes for a while; throws [Regions.Abandoned] once what is waited for is void.
    private Came next() {
        try {
            Came next = came.poll(LOOK_MILLIS, TimeUnit.MILLISECONDS);
            if (isVoid.getAsBoolean()) {
                throw regions.abandoned(endpoint.self());
            }
            return next;
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            throw regions.abandoned(endpoint.self());
        }
    }

    /// Works for others with all that they have asked so far.
    void serve() {
        List<Came> waited = List.copyOf(early);
        early.clear();
        waited.forEach(this::serve);
        for (Came next = came.poll(); next != null; next = came.poll()) {
            if (next.message.kind() == Wire.ROWS) {              // answers to what nobody waits for any more are left aside
                serve(next);
            }
        }
    }

    private void serve(Came asked) {
        Question question = Question.of(asked.from, asked.message);
        HeldExperts.Run run = question.run();
        if (question.generation() < generation || question.generation() == generation && settled && run.step() < step) {
            return;
        }
        if (question.generation() > generation || !settled || run.step() > step) {
            early.add(asked);
            return;
        }
        progress.run();
        MemorySegment body = asked.message.body();
        question.fits(asked.from, replica.shards(), body.byteSize());
        Tensor all = Tensor.of(TensorType.f32(Shape.of(question.rows(), body.byteSize() / Float.BYTES / question.rows())), body);
        Tensor result;
        long[] found = {};
        if (question.back()) {
            HeldExperts.Backward both = held.backward(run, all.slice(0, 0, run.rows()), all.slice(0, run.rows(), question.rows()), question.apart(), question.counts());
            result = both.ofRows();
            found = both.digests();
        } else {
            result = held.forward(run, all);
        }
        endpoint.send(asked.from, new Message(Wire.ROWS_BACK, new Answer(question.number(), found).head(), result.data().asSlice(0, result.type().bytes())));
    }

    /// How experts are used by whoever looks at a committed state: their weights are read where they lie, an expert at a time, and nobody has to work for it.
    ExpertExchange looking(Placement among, Replica.Peers peers) {
        Shards shards = replica.shards();
        return (layer, x, plan) -> {
            Tensor y = Compute.current().scratch().allocate(x.type());
            for (int part = 0; part < shards.parts(); part++) {
                int from = shards.firstExpert(layer.stacks().getFirst(), part), to = shards.firstExpert(layer.stacks().getFirst(), part + 1);
                for (int expert = from; expert < to; expert++) {
                    int first = plan.offsets().getInt(expert), last = plan.offsets().getInt(expert + 1), number = expert;
                    if (first < last) {
                        Scratch.Mark before = Compute.current().scratch().mark();
                        long id = among.server(endpoint.self(), part);
                        List<Tensor> weights = layer.stacks().stream().map(stack -> peers.view(id, Shards.run(stack, number, number + 1))).toList();
                        MemorySegment made = held.ofOne(layer, x.slice(0, first, last), weights);
                        MemorySegment.copy(made, 0, y.slice(0, first, last).data(), 0, made.byteSize());
                        Compute.current().scratch().reset(before);
                    }
                }
            }
            return y;
        };
    }

    /// Experts of nobody, without weights, for a process that warms up: what they make is of no use.
    static ExpertExchange ofNobody(HeldExperts held) {
        return (layer, x, plan) -> {
            Scratch scratch = Compute.current().scratch();
            Tensor y = scratch.allocate(x.type());
            List<Tensor> weights = layer.stacks().stream().map(stack -> {
                Tensor one = scratch.allocate(TensorType.f32(stack.shape().with(0, 1)));
                one.data().fill((byte) 0);
                return one;
            }).toList();
            MemorySegment.copy(held.ofOne(layer, x, weights), 0, y.data(), 0, y.type().bytes());
            Compute.current().recorder().ifPresent(recorder -> recorder.made(x, y, dy -> dy));
            return y;
        };
    }

    @Override public void close() {
        held.close();
    }
}
