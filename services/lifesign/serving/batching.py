"""Dynamic batching: requests that wait while the runtime is busy share its next run.

No request lingers on an idle server unless ``batch_timeout_micros`` says so. One pool of threads serves
all models; each combination of version, inputs and outputs has a queue of its own.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lifesign.pb.tensor_pb2 import SignatureDef
from lifesign.serving.batch_scheduler import BatchScheduler, Queue, Task
from lifesign.serving.servable import Array, Servable
from lifesign.serving.status import Code, ServingError

__all__ = ["BatchingServable"]


class BatchingServable:
    """A servable whose runs are shared by concurrent callers."""

    def __init__(self, inner: Servable, scheduler: BatchScheduler) -> None:
        self._inner = inner
        self._scheduler = scheduler
        self._queues: dict[tuple[frozenset[str], tuple[str, ...]], Queue] = {}
        self._lock = threading.Lock()

    @property
    def signatures(self) -> Mapping[str, SignatureDef]:
        """See ``Servable.signatures``."""
        return self._inner.signatures

    def run(
        self, feeds: Mapping[str, Array], fetches: Sequence[str], *, timeout_seconds: float | None = None
    ) -> list[Array]:
        """See ``Servable.run``; rows of one call stay together and in order."""
        size = _row_count(feeds)
        queue = self._queue(feeds, fetches)
        limits = self._scheduler.parameters
        self._scheduler.instruments.wrapped_run_count.add()
        if size <= limits.run_size:
            return self._wait([self._submit(queue, feeds, size, timeout_seconds)])
        if not limits.enable_large_batch_splitting or size > limits.max_batch_size:
            raise ServingError(
                Code.INVALID_ARGUMENT,
                f"Task size {size} is larger than maximum input batch size {limits.max_batch_size}",
            )
        starts = range(0, size, limits.run_size)
        pieces = [{name: a[s : s + limits.run_size] for name, a in feeds.items()} for s in starts]
        tasks = [self._submit(queue, piece, _row_count(piece), timeout_seconds) for piece in pieces]
        return self._wait(tasks)

    def close(self) -> None:
        """See ``Servable.close``."""
        for queue in self._queues.values():
            self._scheduler.close_queue(queue)
        self._inner.close()

    def _queue(self, feeds: Mapping[str, Array], fetches: Sequence[str]) -> Queue:
        key = frozenset(feeds), tuple(fetches)
        with self._lock:
            queue = self._queues.get(key)
            if queue is None:
                queue = self._scheduler.open_queue(lambda tasks: self._process(tasks, key[1]))
                self._queues[key] = queue
            return queue

    def _submit(
        self, queue: Queue, feeds: Mapping[str, Array], size: int, timeout_seconds: float | None
    ) -> Task:
        now = time.monotonic()
        task = Task(feeds, size, now, None if timeout_seconds is None else now + timeout_seconds)
        self._scheduler.instruments.input_batch_size.observe(size)
        self._scheduler.submit(queue, task)
        return task

    @staticmethod
    def _wait(tasks: Sequence[Task]) -> list[Array]:
        for task in tasks:
            task.done.wait()
        for task in tasks:
            if task.error is not None:
                raise ServingError(task.error.code, task.error.message)
        columns = zip(*(task.outputs or [] for task in tasks), strict=True)
        return [column[0] if len(column) == 1 else np.concatenate(column) for column in columns]

    def _process(self, tasks: list[Task], fetches: tuple[str, ...]) -> None:
        started = time.monotonic()
        for task in [t for t in tasks if t.deadline is not None and t.deadline <= started]:
            task.fail(
                ServingError(
                    Code.RESOURCE_EXHAUSTED, "Run() timeout exceeded while waiting in batching queue"
                )
            )
        live = [task for task in tasks if not task.done.is_set()]
        if not live:
            return
        for task in live:
            self._scheduler.instruments.queuing_latency.observe(
                (started - task.enqueued) * 1e6, self._scheduler.parameters.thread_pool_name
            )
        try:
            self._run_batch(live, fetches, started)
        except ServingError as error:
            for task in live:
                task.fail(error)
        except Exception as error:
            # A caller must never be left waiting; the text goes to the client, the cause to the log.
            for task in live:
                task.fail(ServingError(Code.INTERNAL, f"{type(error).__name__}: {error}"))

    def _run_batch(self, tasks: list[Task], fetches: tuple[str, ...], started: float) -> None:
        rows = sum(task.size for task in tasks)
        padded = _padded_size(rows, self._scheduler.parameters.allowed_batch_sizes)
        feeds = {name: self._merged(name, tasks, padded - rows) for name in tasks[0].feeds}
        deadlines = [task.deadline for task in tasks if task.deadline is not None]
        timeout = max(deadlines) - started if len(deadlines) == len(tasks) else None
        self._scheduler.instruments.processed_batch_size.observe(padded)
        self._scheduler.instruments.padding_size.observe(padded - rows, str(padded))
        outputs = self._inner.run(feeds, fetches, timeout_seconds=timeout)
        for output in outputs:
            _check_output(output, padded)
        start = 0
        for task in tasks:
            task.succeed([output[start : start + task.size] for output in outputs])
            start += task.size

    def _merged(self, name: str, tasks: Sequence[Task], padding: int) -> Array:
        arrays = [task.feeds[name] for task in tasks]
        if any(array.dtype != arrays[0].dtype for array in arrays):
            raise ServingError(
                Code.INVALID_ARGUMENT, f"Tensors with name '{name}' have different types in one batch"
            )
        if any(array.shape[1:] != arrays[0].shape[1:] for array in arrays):
            arrays = self._reshaped(name, arrays)
        if padding:
            arrays.append(np.repeat(arrays[-1][:1], padding, axis=0))
        return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)

    def _reshaped(self, name: str, arrays: list[Array]) -> list[Array]:
        same_rank = len({array.ndim for array in arrays}) == 1
        if not self._scheduler.parameters.pad_variable_length_inputs or not same_rank:
            raise ServingError(
                Code.FAILED_PRECONDITION,
                f"Tensors with name '{name}' from different tasks have different shapes and padding is "
                "turned off. Set pad_variable_length_inputs to true, or ensure that all tensors with the "
                "same name have equal dimensions starting with the first dim.",
            )
        target = tuple(max(sizes) for sizes in zip(*(array.shape[1:] for array in arrays), strict=True))
        return [_grown(array, target) for array in arrays]


def _grown(array: Array, target: tuple[int, ...]) -> Array:
    if array.size == 0:
        return np.zeros((len(array), *target), array.dtype)
    result: np.ndarray[Any, Any] = np.full((len(array), *target), array.reshape(-1)[0], array.dtype)
    result[tuple(slice(size) for size in array.shape)] = array
    return result


def _padded_size(rows: int, allowed: Sequence[int]) -> int:
    return next((size for size in allowed if size >= rows), rows)


def _row_count(feeds: Mapping[str, Array]) -> int:
    if any(array.ndim == 0 for array in feeds.values()):
        raise ServingError(
            Code.INVALID_ARGUMENT, "Batching Run() input tensors must have at least one dimension"
        )
    sizes = {len(array) for array in feeds.values()}
    if len(sizes) > 1:
        raise ServingError(
            Code.INVALID_ARGUMENT, "Batching Run() input tensors must have equal 0th-dimension size"
        )
    return sizes.pop() if sizes else 0


def _check_output(output: Array, rows: int) -> None:
    if output.ndim == 0:
        raise ServingError(Code.FAILED_PRECONDITION, "Batched output tensor has 0 dimensions")
    if len(output) != rows:
        raise ServingError(
            Code.FAILED_PRECONDITION,
            "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension sizes of the "
            "input tensors",
        )
