package dev.xiaolu.consensus;

import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;

/// The thread on which a listener is called: a slow one must not make its replica look dead to the others.
final class Applier implements AutoCloseable {
    private final LinkedBlockingQueue<Runnable> queue = new LinkedBlockingQueue<>();
    private final Thread thread;
    private volatile boolean closed;

    /// @param failed told from the thread itself when a task has thrown; no further task is run
    Applier(String name, Consumer<Throwable> failed) {
        thread = Thread.ofPlatform().daemon().name(name).unstarted(() -> run(failed));
        thread.start();
    }

    private void run(Consumer<Throwable> failed) {
        while (!closed) {
            try {
                Runnable task = queue.take();
                if (!closed) {
                    task.run();
                }
            } catch (Throwable broken) {
                closed = true;
                failed.accept(broken);
            }
        }
    }

    void add(Runnable task) {
        queue.add(task);
    }

    /// Waits for what came before and for the answer; null when there will be none, since the log has ended.
    <T> T ask(Callable<T> question) {
        var task = new FutureTask<>(question);
        add(() -> {
            task.run();
            if (task.state() == FutureTask.State.FAILED) {
                throw new IllegalStateException(task.exceptionNow());
            }
        });
        while (true) {
            try {
                return task.get(20, TimeUnit.MILLISECONDS);
            } catch (TimeoutException _) {
                if (closed) {
                    return null;
                }
            } catch (ExecutionException _) {
                return null;                                             // which has ended the log
            } catch (InterruptedException stopped) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException(stopped);
            }
        }
    }

    /// Lets the task under way end, and runs no other; does not wait for it when called from it.
    @Override public void close() {
        closed = true;
        queue.add(() -> {});                                             // wakes the thread
        boolean interrupted = false;
        while (Thread.currentThread() != thread && thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException _) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
