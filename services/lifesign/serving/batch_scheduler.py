"""Threads and queues of dynamic batching: which requests share a run, and when it starts."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lifesign.errors import ConfigurationError
from lifesign.serving.instruments import Instruments
from lifesign.serving.servable import Array
from lifesign.serving.status import Code, ServingError

__all__ = ["BatchScheduler", "BatchingParameters", "Queue", "Task"]


@dataclass(frozen=True, kw_only=True)
class BatchingParameters:
    """TensorFlow Serving's BatchingParameters; sizes are rows, the timeout is microseconds.

    Raises:
        ServingError: the last allowed size is not the largest batch, or sizes do not ascend.
    """

    max_batch_size: int = 1000
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    num_batch_threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    thread_pool_name: str = "model_server_batch_threads"
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False
    enable_large_batch_splitting: bool = False
    max_execution_batch_size: int = 0

    def __post_init__(self) -> None:
        for name in ("max_batch_size", "max_enqueued_batches", "num_batch_threads"):
            if getattr(self, name) < 1:
                raise ConfigurationError(
                    f"batching parameter {name} must be at least 1, got {getattr(self, name)}"
                )
        sizes = self.allowed_batch_sizes
        if sizes and list(sizes) != sorted(set(sizes)):
            raise ServingError(
                Code.INVALID_ARGUMENT, "allowed_batch_sizes entries must be monotonically increasing"
            )
        if sizes and sizes[-1] != self.run_size:
            raise ServingError(
                Code.INVALID_ARGUMENT,
                "Last entry in allowed_batch_sizes must match max_batch_size; "
                f"last entry was {sizes[-1]}; expected {self.run_size}",
            )

    @property
    def run_size(self) -> int:
        """Most rows of one run of the graph."""
        if self.enable_large_batch_splitting and self.max_execution_batch_size > 0:
            return self.max_execution_batch_size
        return self.max_batch_size


@dataclass(eq=False)
class Task:
    """Rows that one caller waits for; times are those of ``time.monotonic``."""

    feeds: Mapping[str, Array]
    size: int
    enqueued: float
    deadline: float | None
    done: threading.Event = field(default_factory=threading.Event)
    outputs: list[Array] | None = None
    error: ServingError | None = None

    def fail(self, error: ServingError) -> None:
        """End with an error."""
        self.error = error
        self.done.set()

    def succeed(self, outputs: list[Array]) -> None:
        """End with the outputs of its rows."""
        self.outputs = outputs
        self.done.set()


@dataclass(eq=False)
class _Batch:
    tasks: list[Task] = field(default_factory=list)
    size: int = 0


@dataclass(eq=False)
class Queue:
    """Batches of one version, inputs and outputs, and what handles them."""

    process: Callable[[list[Task]], None]
    batches: deque[_Batch] = field(default_factory=deque)


class BatchScheduler:
    """Threads that take full or waiting batches from the queues in turn."""

    def __init__(self, parameters: BatchingParameters, instruments: Instruments) -> None:
        self.parameters = parameters
        self.instruments = instruments
        self._queues: deque[Queue] = deque()
        self._changed = threading.Condition()
        self._stopped = False
        self._threads = [
            threading.Thread(target=self._work, name=f"{parameters.thread_pool_name}-{index}", daemon=True)
            for index in range(parameters.num_batch_threads)
        ]
        for thread in self._threads:
            thread.start()

    def open_queue(self, process: Callable[[list[Task]], None]) -> Queue:
        """Add a queue whose batches are handled by ``process``."""
        queue = Queue(process)
        with self._changed:
            self._queues.append(queue)
        return queue

    def close_queue(self, queue: Queue) -> None:
        """Take a queue away; nothing may wait in it any more."""
        with self._changed:
            self._queues.remove(queue)

    def submit(self, queue: Queue, task: Task) -> None:
        """Put a task into the queue's open batch, or into a new one.

        Raises:
            ServingError: UNAVAILABLE when the queue is full.
        """
        limits = self.parameters
        with self._changed:
            last = queue.batches[-1] if queue.batches else None
            if last is None or last.size + task.size > limits.run_size:
                if len(queue.batches) >= limits.max_enqueued_batches:
                    raise ServingError(
                        Code.UNAVAILABLE,
                        "The batch scheduling queue to which this task was submitted is full; currently "
                        f"{len(queue.batches)} batches enqueued and max_enqueued_batches is "
                        f"{limits.max_enqueued_batches}",
                    )
                last = _Batch()
                queue.batches.append(last)
            last.tasks.append(task)
            last.size += task.size
            self._changed.notify()

    def stop(self) -> None:
        """End the threads after what is queued has been run."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(5.0)

    def _work(self) -> None:
        while True:
            taken = self._take()
            if taken is None:
                return
            queue, batch = taken
            queue.process(batch.tasks)

    def _take(self) -> tuple[Queue, _Batch] | None:
        with self._changed:
            while True:
                wait_seconds: float | None = None
                for _ in range(len(self._queues)):
                    queue = self._queues[0]
                    self._queues.rotate(-1)
                    remaining = self._remaining_seconds(queue)
                    if remaining is None:
                        continue
                    if remaining <= 0 or self._stopped:
                        return queue, queue.batches.popleft()
                    wait_seconds = remaining if wait_seconds is None else min(wait_seconds, remaining)
                if self._stopped:
                    return None
                self._changed.wait(wait_seconds)

    def _remaining_seconds(self, queue: Queue) -> float | None:
        """Seconds until the front batch may run, ``None`` for an empty queue."""
        if not queue.batches:
            return None
        front = queue.batches[0]
        if len(queue.batches) > 1 or front.size >= self.parameters.run_size:
            return 0.0
        age = time.monotonic() - front.tasks[0].enqueued
        return self.parameters.batch_timeout_micros / 1e6 - age
